import type { Migration } from "@sandi/libsql";
import { foundation } from "./migrations/0001_foundation.ts";
import { verificationsComplete } from "./migrations/0002_verifications_complete.ts";
import { hooks } from "./migrations/0003_hooks.ts";
import { traces } from "./migrations/0004_traces.ts";
import { sessionHistory } from "./migrations/0004_session_history.ts";
import { pools } from "./migrations/0005_pools.ts";
import { incidents } from "./migrations/0005_incidents.ts";
import { sessionFigures } from "./migrations/0006_session_figures.ts";
import { alertDigests } from "./migrations/0007_alert_digests.ts";
import { approval } from "./migrations/0008_approval.ts";
import { keyOwners } from "./migrations/0009_key_owners.ts";
import { numbers } from "./migrations/0010_numbers.ts";
import { budgets } from "./migrations/0011_budgets.ts";
import { accounts } from "./migrations/0012_accounts.ts";
import { checkedElsewhere } from "./migrations/0013_checked_elsewhere.ts";
import { receipts } from "./migrations/0014_receipts.ts";
import { jobs } from "./migrations/0015_jobs.ts";
import { life } from "./migrations/0016_life.ts";
import { messageType } from "./migrations/0017_message_type.ts";
import { outbound } from "./migrations/0018_outbound.ts";
import { admission } from "./migrations/0020_admission.ts";
import { sandboxSteps } from "./migrations/0021_sandbox_steps.ts";
import { decisions } from "./migrations/0022_decisions.ts";
import { listIndexes } from "./migrations/0024_list_indexes.ts";
import { rolledUpCounts } from "./migrations/0025_rolled_up_counts.ts";
import { sessionRules } from "./migrations/0030_session_rules.ts";
import { groupScope } from "./migrations/0031_group_scope.ts";
import { fewerWrites } from "./migrations/0032_fewer_writes.ts";
import { prefixRanks } from "./migrations/0033_prefix_ranks.ts";
import { messageLife } from "./migrations/0035_message_life.ts";
import { media } from "./migrations/0036_media.ts";
import { batches } from "./migrations/0037_batches.ts";
import { inbound } from "./migrations/0038_inbound.ts";
import { deleted } from "./migrations/0040_deleted.ts";
import { chats } from "./migrations/0041_chats.ts";
import { batchMedia } from "./migrations/0042_batch_media.ts";
import { receivedFiles } from "./migrations/0043_received_files.ts";
import { erasure } from "./migrations/0045_erasure.ts";
import { webhooks } from "./migrations/0047_webhooks.ts";
import { largestPrefixes } from "./migrations/0048_largest_prefixes.ts";
import { eventContents } from "./migrations/0051_event_contents.ts";

/**
 * The edge's schema in the order of application. Times are milliseconds, and every tenant index starts with the workspace.
 * A released migration never changes. To change the schema, add the next one at the end.
 */
export const migrations: readonly Migration[] = [
  foundation,
  verificationsComplete,
  hooks,
  traces,
  sessionHistory,
  pools,
  incidents,
  sessionFigures,
  alertDigests,
  approval,
  keyOwners,
  numbers,
  budgets,
  accounts,
  checkedElsewhere,
  receipts,
  jobs,
  life,
  messageType,
  outbound,
  admission,
  sandboxSteps,
  decisions,
  listIndexes,
  rolledUpCounts,
  sessionRules,
  groupScope,
  fewerWrites,
  prefixRanks,
  messageLife,
  media,
  batches,
  inbound,
  deleted,
  chats,
  batchMedia,
  receivedFiles,
  erasure,
  webhooks,
  largestPrefixes,
  eventContents,
];
