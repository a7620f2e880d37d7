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

/** Links bare Baileys to a phone of the stack's simulator and sends texts, first to get to know the recipients. */
export async function measureBareMessages(
  stack: TestStack,
  { recipients, messages }: { recipients: string[]; messages: number },
): Promise<BareFigures> {
  const health = (await (await fetch(`${stack.simulatorUrl ?? ""}/health`)).json()) as {
    wsUrl: string;
    rootKey: string;
  };
  await addPhone(stack, number);
  const child = fork(fileURLToPath(new URL("bare-baileys.ts", import.meta.url)));
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.on("message", (report: BareReport) => {
    if (report.type === "qr") void scan(stack, number, report.qr);
  });
  const send = (count: number) =>
    ask(child, { type: "send", recipients, messages: count, inFlight }, "sent") as Promise<
      Extract<BareReport, { type: "sent" }>
    >;
  try {
    await ask(child, { type: "start", ...health, file: join(stack.dataFolder, "bare-otp.json"), sessions: 1 }, "open");
    await send(recipients.length * 4);
    const { seconds, cpuMs } = await send(messages);
    return { messagesPerSecond: messages / seconds, cpuMsPerMessage: cpuMs / messages };
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
}

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
