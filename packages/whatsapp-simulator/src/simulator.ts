import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Curve, type KeyPair } from "@whiskeysockets/baileys";
import { watchLimits } from "./account/enforce.ts";
import type { Simulator, SimulatorEvent, SimulatorOptions } from "./api.ts";
import { Timers } from "./clock.ts";
import { Faults } from "./faults.ts";
import { Groups } from "./groups/group.ts";
import { startMedia } from "./media/server.ts";
import { FileStore, mediaFolder } from "./media/store.ts";
import { makeOperations } from "./operations.ts";
import { receive } from "./phone/receive.ts";
import { Connection } from "./server/connection.ts";
import { makeProtocol } from "./server/protocol.ts";
import { listen } from "./listen.ts";
import { loadState, StateFile } from "./state.ts";
import { newCounters } from "./stats.ts";
import { makeServerIdentity } from "./wire/certificates.ts";
import { Phones, type World } from "./world.ts";

/**
 * Starts a simulated WhatsApp on loopback: the server that Baileys connects to (`url`), its phones, the control API
 * and the page (`httpUrl`). Give Baileys `waWebSocketUrl: url` and put `rootKeyBytes` into `WA_CERT_DETAILS.PUBLIC_KEY`.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { stateFile, saveDelayMs = 1000 } = options;
  const loaded = stateFile === undefined ? undefined : await loadState(stateFile);
  const root = loaded?.root ?? Curve.generateKeyPair();
  const listeners = new Set<(event: SimulatorEvent) => void>();
  const emit = (event: SimulatorEvent) => {
    for (const listener of listeners) listener(event);
  };
  const faults = new Faults((all) => emit({ type: "faults", faults: all }));
  const timers = new Timers(options.schedule);
  const wait = (ms: number) => new Promise<void>((resolve) => void timers.after(ms, resolve));
  const { folder, remove: removeMedia } = await mediaFolder(stateFile);
  const media = await startMedia(folder, { faults, wait }, loaded?.media);
  const files = await FileStore.open(join(folder, "opened"));
  const world = makeWorld(options, root, { faults, timers, media, files, emit, observed: () => listeners.size > 0 });
  for (const phone of loaded?.phones ?? []) {
    world.phones.add(phone);
    watchLimits(world, phone);
  }
  for (const group of loaded?.groups ?? []) world.groups.add(group);
  const file =
    stateFile === undefined
      ? undefined
      : new StateFile(stateFile, { root, media: media.toState() }, world, saveDelayMs);
  const operations = makeOperations(world, listeners);
  const protocol = makeProtocol(world);
  const refuse = () => {
    const fault = world.faults.take("http-answer");
    return fault && `${fault.status} As the fault wants`;
  };
  const where = { host: options.host ?? "127.0.0.1", port: options.port ?? 0, refuse };
  const server = await listen(where, (socket) => {
    world.counters.connections++;
    world.connections.add(new Connection(world, socket, protocol));
  });
  const address = `${server.host}:${server.port}`;
  const rootKeyBytes = Buffer.from(root.public);
  const identity = {
    url: `ws://${address}/ws/chat`,
    httpUrl: `http://${address}`,
    port: server.port,
    rootKey: rootKeyBytes.toString("hex"),
    rootKeyBytes,
    media,
  };
  let closing: Promise<void> | undefined;
  const close = async () => {
    for (const connection of world.connections) connection.drop();
    await server.close();
    await media.close();
    await file?.close();
    await removeMedia();
    world.timers.close();
    listeners.clear();
  };
  const flush = async () => file?.flush();
  // A link outlives even a killed process: the client already has its half of the keys on its disk.
  const stored = async <T>(linked: Promise<T>): Promise<T> => {
    const device = await linked;
    await flush();
    return device;
  };
  const simulator: Simulator = {
    ...identity,
    ...operations,
    scan: (number, qr) => stored(operations.scan(number, qr)),
    enterPairingCode: (number, code) => stored(operations.enterPairingCode(number, code)),
    flush,
    close: () => (closing ??= close()),
  };
  server.serve(simulator);
  return simulator;
}

type Given = Pick<World, "faults" | "timers" | "media" | "files" | "emit" | "observed">;

function makeWorld(options: SimulatorOptions, root: KeyPair, given: Given): World {
  const now = options.now ?? Date.now;
  const world: World = {
    ...given,
    now,
    random: options.random ?? randomBytes,
    identity: makeServerIdentity(root, now()),
    phones: new Phones(),
    groups: new Groups(),
    counters: newCounters(),
    connections: new Set(),
    references: new Map(),
    latencyMs: options.latencyMs ?? 0,
    readDelayMs: options.readDelayMs ?? 5,
    receive: (phone, envelope) => receive(world, phone, envelope),
  };
  return world;
}
