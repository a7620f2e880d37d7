import { createKeyRing } from "@sandi/crypto";
import { createNodeQueueCheck, createNodeUnsealer } from "@sandi/crypto/node";
import type { Logger } from "pino";
import { type OpenSocket, socketOpener } from "./baileys/socket.ts";
import type { Config } from "./config.ts";
import { createEdgeCaller } from "./edge.ts";
import { createApp, createMetricsApp } from "./http.ts";
import { createAddresses } from "./fleet/addresses.ts";
import { createForward } from "./fleet/forward.ts";
import { shareKeys } from "./fleet/shared-keys.ts";
import { createReceiver } from "./inbound/receive-message.ts";
import { createClaims } from "./jobs/claims.ts";
import { createDeliveries } from "./jobs/deliveries.ts";
import { createLookUpBudget } from "./jobs/look-up-budget.ts";
import { createKnownNumbers } from "./jobs/known-numbers.ts";
import { createNumbers } from "./jobs/numbers.ts";
import { createRevoker } from "./jobs/revoke-message.ts";
import { jobRoutes } from "./jobs/routes.ts";
import { createSender } from "./jobs/send-message.ts";
import { createWishTaker } from "./jobs/take-wish.ts";
import { listen, type Server } from "./listen.ts";
import { createLogger } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { createOutbox } from "./outbox/outbox.ts";
import { publicLookup } from "./proxy/addresses.ts";
import { createTunnels } from "./proxy/tunnel.ts";
import { createReadiness } from "./readiness.ts";
import { healthRpc } from "./rpc/health.ts";
import { numberRpc } from "./rpc/numbers.ts";
import { createRpc } from "./rpc/request.ts";
import { sessionRpc } from "./rpc/sessions.ts";
import { createTokens } from "./rpc/token.ts";
import { type Services, sleep } from "./services.ts";
import { adoptSession } from "./session/live.ts";
import { atRestOfOwners } from "./store/at-rest.ts";
import { boundedCredentials } from "./store/bounded-credentials.ts";
import { createChats } from "./store/chats.ts";
import { credentialStore } from "./store/credentials.ts";
import { measuredCredentials } from "./store/measured-credentials.ts";
import { createIdentities } from "./store/identities.ts";
import { numberStore } from "./store/numbers.ts";
import { openPseudonyms } from "./store/pseudonyms.ts";
import { findKeysOfMembers } from "./store/member-keys.ts";
import { findSetting, storeSetting } from "./store/settings.ts";
import { outboxDepth } from "./store/outbox.ts";
import { openStore } from "./store/store.ts";
import { createGate } from "./supervisor/gate.ts";
import { createSupervisor } from "./supervisor/supervisor.ts";
import { createSweep } from "./sweep.ts";
import { startTracing } from "./tracing.ts";
import { createVersions } from "./versions.ts";

/** A running connector. */
export interface Connector {
  readonly url: string;
  /** Takes no more jobs, finishes what is under way, flushes the outbox, closes the sockets, gives the leases back. */
  close(): Promise<void>;
}

interface Replacements {
  logger?: Logger;
  openSocket?: OpenSocket;
  openStore?: typeof openStore;
  /** Names this run; a new one each start. */
  incarnation?: string;
  withProcessMetrics?: boolean;
}

const dayMs = 86_400_000;
const flushMs = 3000;
/** One workspace whose proxies hang holds up to one of so many parts of the room, and leaves the others theirs. */
const proxiedParts = 4;

export async function startConnector(
  config: Config,
  services: Services,
  replace: Replacements = {},
): Promise<Connector> {
  const run = `${config.connectorId}.${replace.incarnation ?? services.newId("req").slice(4)}`;
  const logger = replace.logger ?? createLogger(config.logLevel, run);
  const store = await (replace.openStore ?? openStore)(config.database, services.now());
  const keys = shareKeys(createKeyRing(config.storeKeys));
  const others = await findKeysOfMembers(store, services.now());
  keys.join(others.filter((other) => !other.run.startsWith(`${config.connectorId}.`)));
  const atRestOf = atRestOfOwners(keys, services.random);
  const ownAtRest = atRestOf("connector");
  const pseudonym = await openPseudonyms(store, ownAtRest, services.random);

  const callEdge = createEdgeCaller(config, services);
  const tracing = startTracing(config, services, { logger, run });
  const { tracer } = tracing;
  const jobs = { underway: 0 };
  const metrics = createMetrics(
    {
      sessionsByState: () => supervisor.countByState(),
      outbox: () => outboxDepth(store),
      jobsUnderway: () => jobs.underway,
      spansDropped: tracing.dropped,
      now: services.now,
    },
    { withProcess: replace.withProcessMetrics ?? false },
  );
  const outbox = createOutbox({
    services,
    store,
    atRest: atRestOf,
    callEdge,
    connectorId: run,
    logger,
    onDelivered(events) {
      metrics.eventsDelivered.inc(events.length);
      const at = services.now().getTime();
      for (const event of events) metrics.outboxSeconds.observe(Math.max(0, at - Date.parse(event.at)) / 1000);
    },
    onParked: () => metrics.eventsParked.inc(),
  });
  const chats = createChats(store, { now: services.now, pseudonym });
  const people = { services, store, atRest: atRestOf, pseudonym, chats, onNews: outbox.poke };
  const deliveries = createDeliveries(people);
  const knownNumbers = createKnownNumbers(numberStore(store, pseudonym, ownAtRest), services);
  const openIdentities = createIdentities({ store, pseudonym, atRest: ownAtRest, services });
  const bounded = boundedCredentials(credentialStore(store, pseudonym), store);
  const openCredentials = measuredCredentials(bounded, metrics, services);
  const room = config.connectConcurrency;
  const gates = { direct: createGate(room), proxied: createGate(room, Math.ceil(room / proxiedParts)) };
  const lookup = config.allowPrivateProxies ? null : publicLookup();
  const tunnels = createTunnels({ wsUrl: config.whatsapp.wsUrl, lookup });
  const openSocket = replace.openSocket ?? socketOpener(config.whatsapp);
  const versions = createVersions({
    services,
    override: config.whatsapp.version,
    find: () => findSetting(store, "whatsapp_version"),
    store: (value) => storeSetting(store, "whatsapp_version", value),
  });
  await versions.load();
  const addresses = createAddresses(ownAtRest, services.now);
  const supervisor = createSupervisor({
    services,
    store,
    addresses,
    keys,
    owner: config.connectorId,
    run,
    url: config.internalUrl,
    leaseMs: config.leaseMs,
    capacity: config.sessionCapacity,
    connectPerSecond: config.connectPerSecond,
    logger,
    metrics,
    onNews: outbox.poke,
    flush: () => outbox.flush(flushMs),
    adopt: (row, connectAfterMs) =>
      adoptSession(row, {
        connectAfterMs,
        services,
        store,
        atRest: atRestOf,
        openCredentials,
        openSocket,
        tunnels,
        deliveries,
        chats,
        receive: createReceiver(people),
        identities: openIdentities(row.workspaceId),
        knownNumbers,
        gates,
        metrics,
        logger,
        version: versions,
        onNews: outbox.poke,
        onGone: (live) => supervisor.gone(live),
      }),
  });

  let isDraining = false;
  async function underway<T>(work: () => Promise<T>): Promise<T> {
    jobs.underway++;
    try {
      return await work();
    } finally {
      jobs.underway--;
    }
  }
  const numbers = createNumbers(knownNumbers, createLookUpBudget(store, config.lookUps, services), services);
  const unseal = createNodeUnsealer(config.sealPrivateKey);
  const { find } = supervisor;
  const { ackTimeoutMs } = config;
  const { currentSigningKey, nextSigningKey } = config.qstash;
  const revoker = createRevoker({ services, store, logger, metrics, deliveries, find, ackTimeoutMs });
  const sender = createSender({
    services,
    store,
    logger,
    metrics,
    tracer,
    claim: createClaims(callEdge, run),
    unseal,
    numbers,
    deliveries,
    chats,
    find,
    ackTimeoutMs,
    ledgerMs: config.ledgerDays * dayMs,
  });
  const ownedHere = (sessionId: string) => find(sessionId) !== undefined;
  const forward = createForward({ services, store, addresses, run, ownedHere, metrics });
  const tokens = createTokens({ config, store, now: services.now });
  const rpc = createRpc({ tokens, forward, supervisor });
  const readiness = createReadiness(store, services);
  const app = createApp({
    services,
    edgeUrl: config.edgeUrl,
    logger,
    routes: [
      jobRoutes({
        publicUrl: config.publicUrl,
        checkSignature: createNodeQueueCheck([currentSigningKey, nextSigningKey], services.now),
        send: (job, trace) => underway(() => sender(job, trace)),
        revoke: (job) => underway(() => revoker(job)),
        supervisor,
        toWish: createWishTaker({ unseal, atRest: atRestOf, services, logger }),
        forward,
        isDraining: () => isDraining,
      }),
      sessionRpc(rpc),
      healthRpc(rpc, services, store),
      numberRpc(rpc, numbers, services),
    ],
    problems: async () => [...(isDraining ? ["the connector is shutting down"] : []), ...(await readiness())],
  });

  const { ledgerDays } = config;
  const sweep = createSweep({ services, store, versions, ledgerDays, onNews: outbox.poke, logger });
  const servers: Server[] = [];
  try {
    servers.push(await listen(app.fetch, config));
    const metricsApp = createMetricsApp(metrics.registry);
    if (config.metricsPort > 0) servers.push(await listen(metricsApp.fetch, { ...config, port: config.metricsPort }));
    sweep.start();
    await supervisor.start();
  } catch (error) {
    outbox.stop();
    await Promise.all([...servers.map((server) => server.close()), sweep.stop(), supervisor.stop()]);
    await store.close();
    throw error;
  }
  const { port } = servers[0]!;
  outbox.poke();
  logger.info({ port }, "the connector is ready");

  let closing: Promise<void> | undefined;
  async function close(): Promise<void> {
    isDraining = true;
    const swept = sweep.stop();
    const deadline = services.now().getTime() + config.drainMs;
    await supervisor.drain();
    while (jobs.underway > 0 && services.now().getTime() < deadline) await sleep(services, 20);
    await supervisor.stop();
    await outbox.flush(flushMs);
    outbox.stop();
    await supervisor.release();
    await tracing.stop();
    await Promise.all(servers.map((server) => server.close()));
    await swept;
    await store.close();
    logger.info("the connector has shut down");
  }

  return {
    url: `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`,
    close: () => (closing ??= close()),
  };
}
