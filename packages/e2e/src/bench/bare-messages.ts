import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestStack } from "../harness.ts";
import type { BareReport, BareRequest } from "./bare-baileys.ts";
import { addPhone, scan } from "./linked-sessions.ts";

export interface BareFigures {
  messagesPerSecond: number;
  /** The CPU time of Baileys' process alone. */
  cpuMsPerMessage: number;
}

const number = "+628160000001";
const inFlight = 16;

type Sent = Extract<BareReport, { type: "sent" }>;
type Send = Omit<Extract<BareRequest, { type: "send" }>, "type" | "inFlight"> & { inFlight?: number };

/** Links bare Baileys to a phone of the stack's simulator for the work, which sends messages with it. */
export async function withBareBaileys<T>(
  stack: TestStack,
  work: (send: (what: Send) => Promise<Sent>) => Promise<T>,
): Promise<T> {
  const health = (await (await fetch(`${stack.simulatorUrl ?? ""}/health`)).json()) as {
    wsUrl: string;
    rootKey: string;
  };
  await addPhone(stack, number);
  const child = fork(fileURLToPath(new URL("bare-baileys.ts", import.meta.url)), {
    // Of the simulator's media hosts.
    env: { ...process.env, NODE_EXTRA_CA_CERTS: join(stack.dataFolder, "trusted.pem") },
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.on("message", (report: BareReport) => {
    if (report.type === "qr") void scan(stack, number, report.qr);
  });
  try {
    await ask(child, { type: "start", ...health, file: join(stack.dataFolder, "bare-otp.json"), sessions: 1 }, "open");
    return await work((what) => ask(child, { type: "send", inFlight, ...what }, "sent") as Promise<Sent>);
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
}

export const bareFigures = ({ messages, seconds, cpuMs }: Sent): BareFigures => ({
  messagesPerSecond: messages / seconds,
  cpuMsPerMessage: cpuMs / messages,
});

/** Sends texts with bare Baileys, first to get to know the recipients. */
export const measureBareMessages = (
  stack: TestStack,
  { recipients, messages }: { recipients: string[]; messages: number },
): Promise<BareFigures> =>
  withBareBaileys(stack, async (send) => {
    await send({ recipients, messages: recipients.length * 4 });
    return bareFigures(await send({ recipients, messages }));
  });

function ask(child: ChildProcess, request: BareRequest, type: BareReport["type"]): Promise<BareReport> {
  return new Promise((resolve, reject) => {
    const listen = (report: BareReport) => {
      if (report.type !== type) return;
      child.off("message", listen);
      resolve(report);
    };
    child.on("message", listen);
    child.once("exit", (code) => reject(new Error(`bare Baileys ended with code ${code}`)));
    child.send(request);
  });
}
