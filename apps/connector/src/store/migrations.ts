import type { Migration } from "@sandi/libsql";
import { connector } from "./migrations/0001_connector.ts";
import { received } from "./migrations/0002_received.ts";
import { revocation } from "./migrations/0003_revocation.ts";
import { fleet } from "./migrations/0004_fleet.ts";
import { traces } from "./migrations/0005_traces.ts";
import { sending } from "./migrations/0006_sending.ts";
import { lookUps } from "./migrations/0007_look_ups.ts";
import { identities } from "./migrations/0008_identities.ts";
import { sessionProxy } from "./migrations/0009_session_proxy.ts";
import { spentTokens } from "./migrations/0010_spent_tokens.ts";
import { keysOfMembers } from "./migrations/0011_keys_of_members.ts";
import { paced } from "./migrations/0012_paced.ts";
import { tokenAge } from "./migrations/0013_token_age.ts";
import { lookUpPause } from "./migrations/0014_look_up_pause.ts";
import { messages } from "./migrations/0017_messages.ts";
import { actions } from "./migrations/0018_actions.ts";
import { ownChanges } from "./migrations/0019_own_changes.ts";
import { downloads } from "./migrations/0022_downloads.ts";
import { erased } from "./migrations/0024_erased.ts";
import { eventContents } from "./migrations/0025_event_contents.ts";
import { receipts } from "./migrations/0020_receipts.ts";
import { account } from "./migrations/0015_account.ts";
import { numbered } from "./migrations/0021_numbered.ts";
import { read } from "./migrations/0023_read.ts";

/**
 * The connector's own database in the order of application. Times are milliseconds since the epoch.
 * A released migration never changes. To change the schema, add the next one at the end.
 */
export const migrations: readonly Migration[] = [
  connector,
  received,
  revocation,
  fleet,
  traces,
  sending,
  lookUps,
  identities,
  sessionProxy,
  spentTokens,
  keysOfMembers,
  paced,
  tokenAge,
  lookUpPause,
  account,
  messages,
  actions,
  ownChanges,
  receipts,
  numbered,
  downloads,
  read,
  erased,
  eventContents,
];
