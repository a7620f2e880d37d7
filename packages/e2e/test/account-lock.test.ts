import type { Message, Pool, Session, SessionQr, Verification } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeIn } from "../src/code.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

const secondNumber = "+6281200000002";
const firstNumber = "+6281200000001";

const hello = (to: string) => ({ to, type: "text", text: "Selamat pagi" });

describe("an account that may open no new chats", () => {
  let stack: TestStack;
  let first = "";
  let second = "";
  let friend = "";
  let people = 0;

  beforeAll(async () => {
    stack = await startTestStack();
    [first, friend] = [stack.local.sessionId, stack.local.userPhone ?? ""];
    await stack.addPhone(secondNumber);
    const { body: session } = await stack.api<Session>("POST /v1/sessions", { name: "Second line" });
    second = session.id;
    const qr = await eventually("a QR code", async () => {
      const { status, body } = await stack.api<SessionQr>(`GET /v1/sessions/${second}/qr`);
      return status === 200 && body.qr;
    });
    await stack.scan(secondNumber, qr);
    await eventually("the second session to be online", async () => (await see(second)).state === "online");
    const { body } = await stack.api<Message>("POST /v1/messages", { ...hello(friend), sessionId: first });
    await eventually("the first chat", async () => (await message(body)).status === "read");
  });
  afterAll(() => stack.destroy());

  const see = async (id: string) => (await stack.api<Session>(`GET /v1/sessions/${id}`)).body;
  const isLocked = async (id: string) => typeof (await see(id)).limits?.newChatsLockedUntil === "string";
  const message = async ({ id }: { id: string }) => (await stack.api<Message>(`GET /v1/messages/${id}`)).body;
  const verification = async ({ id }: { id: string }) =>
    (await stack.api<Verification>(`GET /v1/verifications/${id}`)).body;
  async function stranger() {
    const number = `+62813000090${String(people++).padStart(2, "0")}`;
    await stack.addPhone(number);
    return number;
  }
  const simulator = async (path: string, method = "GET", body?: object) => {
    const response = await fetch(`${stack.local.simulatorUrl}${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    return (await response.json()) as Record<string, number>;
  };
  /** Locks the account without a notification: only a refused message shows it. */
  const lock = (number: string) => {
    const lockedUntil = new Date(Date.now() + 3_600_000).toISOString();
    return simulator(`/phones/${number}`, "PATCH", { limits: { isQuiet: true, lockedUntil } });
  };
  const hits = async () => (await simulator("/stats"))["lockHits"] ?? 0;

  it("keeps its chats, leaves strangers to the next sender, and is not tried again", async () => {
    await lock(firstNumber);
    // The one that finds it out: chosen for the locked sender, refused, and shown once by the other.
    const { body: pool } = await stack.api<{ pools: Pool[] }>("GET /v1/pools");
    await stack.api(`PATCH /v1/pools/${pool.pools[0]!.id}`, { strategy: "round_robin" });
    const made: { number: string; id: string }[] = [];
    for (let i = 0; i < 6; i++) {
      const number = await stranger();
      const { status, body } = await stack.api<Verification>("POST /v1/verifications", { to: number });
      expect(status).toBe(202);
      made.push({ number, id: body.id });
    }
    for (const { number, id } of made) {
      const code = await eventually("the code", async () => codeIn((await stack.inbox(number))[0]?.text ?? ""));
      const { delivery } = await verification({ id });
      expect(delivery).toMatchObject({ sessionId: second });
      expect((await stack.api(`POST /v1/verifications/${id}/check`, { code })).status).toBe(200);
      expect((await stack.inbox(number)).length).toBe(1);
    }
    await eventually("the lock to be known", async () => isLocked(first));
    const before = await hits();
    expect(before).toBeGreaterThan(0);
    for (let i = 0; i < 4; i++) {
      const { body } = await stack.api<Message>("POST /v1/messages", hello(await stranger()));
      expect(body.sessionId).toBe(second);
      await eventually("the text to be read", async () => (await message(body)).status === "read");
    }
    await stack.api(`PATCH /v1/pools/${pool.pools[0]!.id}`, { strategy: "sticky" });
    const { body: warm } = await stack.api<Message>("POST /v1/messages", { ...hello(friend), sessionId: first });
    await eventually("the friend's text to be read", async () => (await message(warm)).status === "read");
    expect(await hits()).toBe(before);
  });

  it("asks a stranger to write when no sender may open a chat, also when only the send shows it", async () => {
    await lock(secondNumber);
    const number = await stranger();
    const { body } = await stack.api<Verification>("POST /v1/verifications", { to: number });
    const asked = await eventually("the inbound mode", async () => {
      const now = await verification(body);
      return now.inbound ? now : undefined;
    });
    expect(asked).toMatchObject({ status: "pending", mode: "inbound" });
    await stack.openLink(number, asked.inbound!.link);
    await eventually("the approval", async () => (await verification(body)).status === "approved");
    await eventually("the lock to be known", async () => isLocked(second));
    const before = await hits();
    const other = await stack.api<Verification>("POST /v1/verifications", { to: await stranger() });
    expect([other.status, other.body.mode, other.body.delivery]).toEqual([202, "inbound", null]);
    const text = await stack.api<Message>("POST /v1/messages", hello(await stranger()));
    expect([text.status, text.body.code]).toEqual([409, "no-eligible-session"]);
    expect(await hits()).toBe(before);
  });
});
