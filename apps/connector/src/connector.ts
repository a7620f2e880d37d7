import type { OpenSocket } from "./baileys/socket.ts";
import type { Config } from "./config.ts";
import { openContext, type Replacements } from "./context.ts";
import { createDeliveries } from "./deliveries/deliveries.ts";
import { createNumberedTexts } from "./deliveries/numbered.ts";
import type { Feature } from "./feature.ts";
import { createAddresses } from "./fleet/addresses.ts";
import { createForward } from "./fleet/forward.ts";
import { createApp, createMetricsApp } from "./http.ts";
import { applyAction } from "./inbound/apply-action.ts";
import { createFetchFiles } from "./inbound/fetch-files.ts";
import { createOwnChanges } from "./inbound/apply-own-change.ts";
import { createKeepSent } from "./inbound/keep-sent.ts";
import { createMessageTimes } from "./inbound/message-times.ts";
import { createReceiver } from "./inbound/receive-message.ts";
import { jobsFeature } from "./jobs/feature.ts";
import { listen, type Server } from "./listen.ts";
import { openMedia } from "./media/feature.ts";
import { openNumbers } from "./numbers/feature.ts";
import { outboxFeature } from "./outbox/feature.ts";
import { createReadiness } from "./readiness.ts";
import { rpcCalls } from "./rpc/calls.ts";
import { rpcRoutes } from "./rpc/routes.ts";
import { createTokens } from "./rpc/token.ts";
import { type Services, sleep } from "./services.ts";
import { openSessions } from "./session/feature.ts";
import { createConversations } from "./store/conversations.ts";
import { createChats } from "./store/chats.ts";
import { createErased } from "./store/erased.ts";
import { createIdentities } from "./store/identities.ts";
import { findSetting, storeSetting } from "./store/settings.ts";
import { sweepStore } from "./store/sweep.ts";
import { openSupervisor } from "./supervisor/feature.ts";
import { createSweeper } from "./sweeps.ts";
import { createVersions } from "./versions.ts";

/** A running connector. */
export interface Connector {
  readonly url: string;
  /** Takes no more jobs, finishes the running ones, flushes the outbox, closes the sockets, releases the leases. */
  close(): Promise<void>;
}

const flushMs = 3000;

/** Makes the rooms, connects them, and listens. */
export async function startConnector(
  config: Config,
  services: Services,
  replace: Replacements & { openSocket?: OpenSocket } = {},
): Promise<Connector> {
  const context = await openContext(config, services, replace);
  const { store, logger, run, pseudonym, tracing, meter } = context;
  let isDraining = false;

  const { outbox, ...outboxRoom } = outboxFeature(context);
  const versions = createVersions({
    services,
    override: config.whatsapp.version,
    find: () => findSetting(store, "whatsapp_version"),
    store: (value) => storeSetting(store, "whatsapp_version", value),
  });
  await versions.load();
  const chats = createChats(store, { now: services.now, pseudonym });
  const { numbers, knownNumbers } = openNumbers(context);
  const media = openMedia(context);
  const onAppended = outbox.deliver;
  const conversations = createConversations(context);
  const numbered = createNumberedTexts(context);
  const deliveries = createDeliveries({ ...context, numbered, chats, conversations, onAppended });
  const erased = createErased(store, pseudonym);
  const openIdentities = createIdentities({ ...context, atRest: context.ownAtRest });
  const files = createFetchFiles({
    ...context,
    ...media,
    onAppended,
    find: (sessionId) => supervisor.find(sessionId),
    lost: (sessionId) => supervisor.find(sessionId)?.lose(),
  });
  const onFile = (sessionId: string) => files.wake(sessionId);
  const idTimeOf = createMessageTimes();
  const keepSent = createKeepSent({ ...context, idTimeOf });
  const receiver = createReceiver({
    ...context,
    chats,
    conversations,
    deliveries,
    erased,
    numbered,
    idTimeOf,
    onAppended,
    onFile,
  });
  const { receive } = receiver;
  const applyOwnChange = createOwnChanges({ ...context, onAppended });
  const changes = { ...context, conversations, deliveries, onAppended };
  const { openSocket } = replace;
  const sessions = openSessions(context, {
    versions,
    chats,
    conversations,
    deliveries,
    receive,
    acted: (fence, acknowledged) => applyAction(changes, fence, acknowledged),
    applyOwnChange,
    knownNumbers,
    erased,
    openIdentities,
    onAppended,
    onOnline: onFile,
    openSocket,
  });
  const addresses = createAddresses(context.ownAtRest, services.now);
  const supervisor = openSupervisor(context, { outbox, sessions, addresses, flushMs });
  const isOwnedHere = (sessionId: string) => supervisor.find(sessionId) !== undefined;
  const forward = createForward({ services, store, addresses, run, isOwnedHere, meter });
  const jobs = jobsFeature(context, {
    numbers,
    media,
    deliveries,
    keepSent,
    chats,
    conversations,
    knownNumbers,
    supervisor,
    forward,
    isDraining: () => isDraining,
  });
  const tokens = createTokens({ config, store, now: services.now });
  const calls = rpcCalls({
    ...context,
    conversations,
    numbers,
    chats,
    deliveries,
    erased,
    knownNumbers,
    openIdentities,
    receiver,
    files,
    applyOwnChange,
    onAppended,
    ackTimeoutMs: config.ackTimeoutMs,
    flush: (timeoutMs) => outbox.flush(timeoutMs),
  });
  const features: Feature[] = [
    { sweeps: [{ name: "versions", run: () => versions.refresh() }] },
    { sweeps: [{ name: "store", run: () => sweepStore(store, services.now(), config.ledgerDays) }] },
    media,
    outboxRoom,
    jobs,
    { routes: rpcRoutes(calls, { tokens, forward, supervisor, store }) },
  ];

  const readiness = createReadiness(store, services);
  const app = createApp({
    services,
    edgeUrl: config.edgeUrl,
    logger,
    routes: features.flatMap(({ routes = [] }) => routes),
    problems: async () => [...(isDraining ? ["the connector is shutting down"] : []), ...(await readiness())],
  });
  const sweeper = createSweeper({ services, logger, sweeps: features.flatMap(({ sweeps = [] }) => sweeps) });
  const servers: Server[] = [];
  try {
    servers.push(await listen(app, config));
    const metricsApp = createMetricsApp(meter.registry);
    if (config.metricsPort > 0) servers.push(await listen(metricsApp, { ...config, port: config.metricsPort }));
    sweeper.start();
    await supervisor.start();
  } catch (error) {
    outbox.stop();
    await Promise.all([...servers.map((server) => server.close()), sweeper.stop(), supervisor.stop()]);
    await store.close();
    throw error;
  }
  const { port } = servers[0]!;
  outbox.deliver();
  logger.info({ port }, "the connector is ready");

  async function close(): Promise<void> {
    isDraining = true;
    const swept = sweeper.stop();
    const deadline = services.now().getTime() + config.drainMs;
    await supervisor.drain();
    while (jobs.running() > 0 && services.now().getTime() < deadline) await sleep(services, 20);
    files.stop();
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

  let closing: Promise<void> | undefined;
  return {
    url: `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`,
    close: () => (closing ??= close()),
  };
}
