import { createKeyRing } from "@sandi/crypto";
import type { NodeAtRest } from "@sandi/crypto/node";
import type { Logger } from "pino";
import type { Config } from "./config.ts";
import { type CallEdge, createEdgeCaller } from "./edge.ts";
import { shareKeys, type SharedKeys } from "./fleet/shared-keys.ts";
import { createLogger } from "./log.ts";
import { createMeter, type Meter } from "./metrics.ts";
import type { Services } from "./services.ts";
import { atRestOfOwners } from "./store/at-rest.ts";
import { findKeysOfMembers } from "./store/member-keys.ts";
import { openPseudonyms, type Pseudonym } from "./store/pseudonyms.ts";
import { openStore, type Store } from "./store/store.ts";
import { startTracing, type Tracing } from "./tracing.ts";

/** What the rooms of one connector share. */
export interface Context {
  config: Config;
  services: Services;
  /** Names this run of the connector. */
  run: string;
  logger: Logger;
  meter: Meter;
  tracing: Tracing;
  store: Store;
  keys: SharedKeys;
  /** Seals and opens what belongs to a session, by its id. */
  atRest: (sessionId: string) => NodeAtRest;
  /** The same for what belongs to no session. */
  ownAtRest: NodeAtRest;
  pseudonym: Pseudonym;
  callEdge: CallEdge;
}

/** Parts that `main.ts` or a test replaces. */
export interface Replacements {
  logger?: Logger;
  openStore?: typeof openStore;
  /** Names this run; otherwise the name is random. */
  incarnation?: string;
  withProcessMetrics?: boolean;
}

/** Opens the store and the keys. Rejects when another connector seals under a key that is not in STORE_KEYS. */
export async function openContext(config: Config, services: Services, replace: Replacements): Promise<Context> {
  const run = `${config.connectorId}.${replace.incarnation ?? services.newId("req").slice(4)}`;
  const logger = replace.logger ?? createLogger(config.logLevel, run);
  const meter = createMeter({ withProcess: replace.withProcessMetrics ?? false });
  const store = await (replace.openStore ?? openStore)(config.database, services.now());
  const keys = shareKeys(createKeyRing(config.storeKeys));
  const others = await findKeysOfMembers(store, services.now());
  keys.join(others.filter((other) => !other.run.startsWith(`${config.connectorId}.`)));
  const atRest = atRestOfOwners(keys, services.random);
  const ownAtRest = atRest("connector");
  const pseudonym = await openPseudonyms(store, ownAtRest, services.random);
  const callEdge = createEdgeCaller(config, services);
  const tracing = startTracing(config, services, { logger, run, meter });
  return { config, services, run, logger, meter, tracing, store, keys, atRest, ownAtRest, pseudonym, callEdge };
}
