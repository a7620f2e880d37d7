import type { Verification } from "@sandi/contracts";
import { call, type Local, until } from "./local.ts";

/** One step of an OTP and its duration in milliseconds. */
export interface Step {
  name: string;
  ms: number;
}

interface PhoneMessage {
  id: string;
  text: string;
  direction: "in" | "out";
}

/** Sends one OTP to the user's simulated phone, reads it there, checks it, and measures each step. */
export async function sendDemoOtp(local: Local): Promise<Step[]> {
  if (!local.userPhone || !local.simulatorUrl) throw new Error("the demo needs the simulated phones");
  const chat = `${local.simulatorUrl}/phones/${encodeURIComponent(local.userPhone)}/messages`;
  const messages = async () => (await (await fetch(chat)).json()) as PhoneMessage[];
  const before = new Set((await messages()).map(({ id }) => id));
  const steps: Step[] = [];
  let from = performance.now();
  const step = (name: string) => {
    const now = performance.now();
    steps.push({ name, ms: now - from });
    from = now;
  };

  const start = performance.now();
  const purpose = `demo-${Date.now().toString(36)}`;
  const { id } = await call<Verification>(local, "POST /v1/verifications", { to: local.userPhone, purpose });
  step("accepted by the edge (stored, queued)");
  const code = await until("the code on the phone", async () => {
    const message = (await messages()).find((each) => !before.has(each.id) && /\b\d{6}\b/.test(each.text));
    return message && /\b\d{6}\b/.exec(message.text)?.[0];
  });
  step("decrypted and shown by the phone");
  await until("the read receipt", async () => {
    const { delivery } = await call<Verification>(local, `GET /v1/verifications/${id}`);
    return delivery?.status === "read" ? true : undefined;
  });
  step("read receipt received by the edge");
  const { status } = await call<Verification>(local, `POST /v1/verifications/${id}/check`, { code });
  if (status !== "approved") throw new Error(`the right code was answered with ${status}`);
  step("code checked: approved");
  steps.push({ name: "in total", ms: performance.now() - start });
  return steps;
}
