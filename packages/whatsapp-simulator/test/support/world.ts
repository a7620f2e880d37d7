import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { onTestFinished } from "vitest";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../src/index.ts";
import { type Auth, type Client, connect, newAuth, pair } from "./client.ts";

export const sender = "+6281100000001";
export const user = "+6281100000002";
export const senderJid = "6281100000001@s.whatsapp.net";
export const userJid = "6281100000002@s.whatsapp.net";

/** A simulator with two phones, closed when the test ends. */
export async function newWorld(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator(options);
  onTestFinished(() => simulator.close());
  if (simulator.phones().length === 0) {
    simulator.createPhone({ number: sender, name: "Sandi" });
    simulator.createPhone({ number: user, name: "Ayu" });
  }
  return simulator;
}

const trusted = getCACertificates("default");

/** Lets Baileys, in this process, trust the simulator's media hosts until the test ends. */
export function trustMedia({ media }: Simulator): void {
  setDefaultCACertificates([...trusted, media.certificate]);
  onTestFinished(() => setDefaultCACertificates(trusted));
}

type Config = Parameters<typeof connect>[2];

/** A client of the sender's phone, paired and logged in, closed when the test ends. */
export async function linked(simulator: Simulator, number = sender, config: Config = {}): Promise<Client> {
  const session = await pair(simulator, number, config);
  onTestFinished(() => session.end());
  // Settled: it took the keys and the history that a new companion is given, and knows that it did.
  await until(() => simulator.phone(number).devices.every((device) => device.queued === 0));
  await until(() => (session.auth.creds.accountSyncCounter ?? 0) > 0);
  return session;
}

/** A client that connects with what it has, or with nothing. */
export function client(simulator: Simulator, auth: Auth = newAuth(), config: Config = {}): Client {
  const connected = connect(simulator, auth, config);
  onTestFinished(() => connected.end());
  return connected;
}

export async function sendText(from: Client, jid: string, text: string, messageId?: string): Promise<string> {
  const sent = await from.sock.sendMessage(jid, { text }, messageId === undefined ? {} : { messageId });
  return sent?.key.id ?? "";
}

export async function until(holds: () => boolean, timeoutMs = 5000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error("it did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
