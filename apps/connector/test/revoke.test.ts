import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { revocationId, whatsappId } from "../src/content/whatsapp-ids.ts";
import { sweepStore } from "../src/store/sweep.ts";
import { openStore } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { newId, revokeJob as jobOf, type Rig, sendJob, startRig } from "./support/rig.ts";

const own = "+6281200000001";
let rig: Rig;
let sessionId: string;
beforeAll(async () => {
  rig = await startRig({ environment: { ACK_TIMEOUT_MS: "300" }, services: { chance: () => 0 } });
  sessionId = await rig.pair(own);
});
afterEach(() => rig.simulator.clearFaults());
afterAll(() => rig.close());

let phones = 0;
function phone(receipts: "none" | "delivered" | "read" = "delivered"): string {
  const number = `+6281377000${String(++phones).padStart(3, "0")}`;
  rig.simulator.createPhone({ number, receipts });
  return number;
}

const revokeJob = (messageId: string, ttlMs?: number) => jobOf(messageId, sessionId, ttlMs);
const revoke = async (messageId: string) => (await rig.edge.deliver("/jobs/revoke", revokeJob(messageId))).status;
const reported = (messageId: string, type: string) =>
  until(`${type} is reported`, () => rig.edge.typesOf(messageId).includes(type));
const kindOn = (number: string) => rig.simulator.messages(number).map(({ kind }) => kind);

/** A code that was delivered and not read. */
async function delivered(to = phone()): Promise<{ messageId: string; to: string }> {
  const messageId = await rig.send(sessionId, { to, code: "482913" });
  await reported(messageId, "message.delivered");
  return { messageId, to };
}

/** The edge's events of a message, after the last one that could come. */
async function inTheEnd(messageId: string): Promise<string[]> {
  await until("the server has nothing left", () =>
    rig.simulator.phone(own).devices.every(({ queued }) => queued === 0),
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  return rig.edge.typesOf(messageId);
}

function query<T>(sql: string, ...args: string[]): T[] {
  const db = new DatabaseSync(join(rig.folder, "connector.db"), { timeout: 5000 });
  try {
    return db.prepare(sql).all(...args) as T[];
  } finally {
    db.close();
  }
}

test("a message that was not read is revoked, and that is reported", async () => {
  const { messageId, to } = await delivered();
  expect(await revoke(messageId)).toBe(200);
  await until("the phone shows it", () => kindOn(to).includes("revoked"));
  expect(rig.simulator.messages(to)).toMatchObject([{ kind: "revoked", text: "" }]);
  expect(await inTheEnd(messageId)).toEqual(["message.sent", "message.delivered", "message.revoked"]);
  expect(query("SELECT rank, sealed FROM ledger WHERE message_id = ?", messageId)).toEqual([{ rank: 8, sealed: null }]);
});

test("a phone that is known by its LID deletes the message as well", async () => {
  const to = phone();
  rig.simulator.updatePhone(to, { addressing: "lid" });
  const { messageId } = await delivered(to);
  expect(await revoke(messageId)).toBe(200);
  await until("the phone shows it", () => kindOn(to).includes("revoked"));
});

test("a message that was read is not revoked", async () => {
  const to = phone("read");
  const messageId = await rig.send(sessionId, { to, code: "482913" });
  await reported(messageId, "message.read");
  const { messagesReceived } = rig.simulator.stats();
  expect(await revoke(messageId)).toBe(200);
  expect(rig.simulator.stats().messagesReceived).toBe(messagesReceived);
  expect(kindOn(to)).toEqual(["text"]);
  expect(await inTheEnd(messageId)).toEqual(["message.sent", "message.delivered", "message.read"]);
});

describe("the same job again", () => {
  test("at once and later sends one revocation and reports once", async () => {
    const { messageId, to } = await delivered();
    const { messagesReceived } = rig.simulator.stats();
    expect(await Promise.all([1, 2, 3].map(() => revoke(messageId)))).toEqual([200, 200, 200]);
    expect(await revoke(messageId)).toBe(200);
    expect(rig.simulator.stats().messagesReceived).toBe(messagesReceived + 1);
    await until("the phone shows it", () => kindOn(to).includes("revoked"));
    expect((await inTheEnd(messageId)).filter((type) => type === "message.revoked")).toHaveLength(1);
  });

  test("after an ack that never came is the same revocation", async () => {
    const { messageId, to } = await delivered();
    rig.simulator.setFault({ kind: "no-ack", to, times: 1 });
    const first = await rig.edge.deliver("/jobs/revoke", revokeJob(messageId));
    expect([first.status, Number(first.headers.get("retry-after"))]).toEqual([503, 1]);
    expect(rig.edge.typesOf(messageId)).not.toContain("message.revoked");
    expect(await rig.edge.deliverUntilDone("/jobs/revoke", revokeJob(messageId))).toBe(200);
    await reported(messageId, "message.revoked");
    expect(kindOn(to)).toEqual(["revoked"]);
  });
});

test("a message that is revoked before the phone has it reports nothing more when it arrives", async () => {
  const to = phone("read");
  rig.simulator.updatePhone(to, { online: false });
  const messageId = await rig.send(sessionId, { to, code: "482913" });
  expect(await revoke(messageId)).toBe(200);
  await reported(messageId, "message.revoked");
  const { readReceipts } = rig.simulator.stats();
  rig.simulator.updatePhone(to, { online: true });
  await until("the phone shows it", () => kindOn(to).includes("revoked"));
  await until("the phone has read it", () => rig.simulator.stats().readReceipts > readReceipts);
  expect(await inTheEnd(messageId)).toEqual(["message.sent", "message.revoked"]);
});

test("a phone that could not decrypt the revocation asks again and gets it", async () => {
  const { messageId, to } = await delivered();
  rig.simulator.setFault({ kind: "corrupt-to-phone", number: to, times: 1 });
  const { retriesAsked } = rig.simulator.stats();
  expect(await revoke(messageId)).toBe(200);
  await until("the phone shows it", () => kindOn(to).includes("revoked"));
  expect(rig.simulator.stats().retriesAsked).toBe(retriesAsked + 1);
});

test("a phone that could not decrypt the message does not get it after the revocation", async () => {
  const to = phone();
  rig.simulator.updatePhone(to, { online: false });
  const messageId = await rig.send(sessionId, { to, code: "482913" });
  expect(await revoke(messageId)).toBe(200);
  rig.simulator.setFault({ kind: "corrupt-to-phone", number: to, times: 1 });
  const { retriesAsked } = rig.simulator.stats();
  rig.simulator.updatePhone(to, { online: true });
  await until("the phone asks again", () => rig.simulator.stats().retriesAsked > retriesAsked);
  await inTheEnd(messageId);
  expect(rig.simulator.messages(to)).toEqual([]);
});

const nothing = { status: 200, revocations: 0, isTold: false };

async function whatComesOf(job: ReturnType<typeof revokeJob>): Promise<typeof nothing> {
  const { messagesReceived } = rig.simulator.stats();
  const { status } = await rig.edge.deliver("/jobs/revoke", job);
  const revocations = rig.simulator.stats().messagesReceived - messagesReceived;
  return { status, revocations, isTold: rig.edge.typesOf(job.messageId).includes("message.revoked") };
}

describe("a job for a message that cannot or need not be revoked is done", () => {
  test("an unknown message", async () => {
    expect(await whatComesOf(revokeJob(newId("msg")))).toEqual(nothing);
  });

  test("a message of another session", async () => {
    const { messageId } = await delivered();
    expect(await whatComesOf({ ...revokeJob(messageId), sessionId: newId("ses") })).toEqual(nothing);
  });

  test("a job that comes too late", async () => {
    const { messageId } = await delivered();
    expect(await whatComesOf(revokeJob(messageId, -1))).toEqual(nothing);
  });

  test("a message that failed", async () => {
    const messageId = await rig.send(sessionId, { to: "+6281299999999", code: "482913" });
    await reported(messageId, "message.failed");
    expect(await whatComesOf(revokeJob(messageId))).toEqual(nothing);
  });

  test("a message of a session that has ended", async () => {
    const number = "+6281200000005";
    const other = await rig.pair(number);
    const messageId = await rig.send(other, { to: phone(), code: "482913" });
    await reported(messageId, "message.delivered");
    rig.simulator.setFault({ kind: "device-removed", number });
    await until("it has ended", () => rig.edge.statesOf(other).at(-1) === "ended/logged_out");
    expect(await whatComesOf({ ...revokeJob(messageId), sessionId: other })).toEqual(nothing);
  });

  test("a revocation that WhatsApp refuses", async () => {
    const { messageId, to } = await delivered();
    rig.simulator.setFault({ kind: "send-error", code: 463, to });
    expect(await revoke(messageId)).toBe(200);
    expect(kindOn(to)).toEqual(["text"]);
    expect(await inTheEnd(messageId)).toEqual(["message.sent", "message.delivered"]);
  });
});

describe("not now is 503 with a time", () => {
  test("a message that is still being sent", async () => {
    const to = phone();
    rig.simulator.setFault({ kind: "no-ack", to, deliver: false, times: 1 });
    const messageId = newId("msg");
    await rig.edge.accept(messageId, { to, code: "482913" });
    expect((await rig.edge.deliver("/jobs/send", sendJob(messageId, sessionId))).status).toBe(503);
    const response = await rig.edge.deliver("/jobs/revoke", revokeJob(messageId));
    expect([response.status, Number(response.headers.get("retry-after"))]).toEqual([503, 2]);
    expect(await rig.edge.deliverUntilDone("/jobs/send", sendJob(messageId, sessionId))).toBe(200);
    expect(await revoke(messageId)).toBe(200);
    await until("the phone shows it", () => kindOn(to).includes("revoked"));
  });

  test("a session that is not online, until it is", async () => {
    const { messageId, to } = await delivered();
    rig.simulator.setFault({ kind: "login-failure", number: own, reason: 503 });
    rig.simulator.setFault({ kind: "drop", number: own });
    await until("it is away", () => rig.edge.statesOf(sessionId).at(-1)?.startsWith("waiting"));
    expect(await revoke(messageId)).toBe(503);
    rig.simulator.clearFaults();
    expect(await rig.edge.deliverUntilDone("/jobs/revoke", revokeJob(messageId), { times: 400 })).toBe(200);
    await until("the phone shows it", () => kindOn(to).includes("revoked"));
  });

  test("devices of the recipient that are no more, once", async () => {
    const { messageId, to } = await delivered();
    rig.simulator.setFault({ kind: "send-error", code: 479, to, times: 1 });
    expect(await revoke(messageId)).toBe(503);
    expect(await revoke(messageId)).toBe(200);
    await until("the phone shows it", () => kindOn(to).includes("revoked"));
  });
});

test("the sealed recipient is kept for a quarter of an hour after a code expires", async () => {
  const to = phone("none");
  const messageId = await rig.send(sessionId, { to, code: "482913" });
  const row = () =>
    query<{ sealed: string | null; sealed_chat: string | null; sealed_until: number }>(
      "SELECT sealed, sealed_chat, sealed_until FROM ledger WHERE message_id = ?",
      messageId,
    )[0]!;
  const { sealed_until: expiresAt } = row();
  expect(row().sealed_chat).toMatch(/^v1\./);
  expect(JSON.stringify(query("SELECT * FROM ledger"))).not.toContain(to.slice(4));
  const store = await openStore({ url: `file:${join(rig.folder, "connector.db")}`, authToken: undefined }, new Date());
  await sweepStore(store, new Date(expiresAt + 15 * 60_000 - 1), 7);
  expect([row().sealed, row().sealed_chat]).toEqual([null, expect.stringMatching(/^v1\./)]);
  await sweepStore(store, new Date(expiresAt + 15 * 60_000), 7);
  expect(row().sealed_chat).toBeNull();
  await store.close();
  expect(await revoke(messageId)).toBe(200);
  expect(await inTheEnd(messageId)).toEqual(["message.sent"]);
});

test("a revoke job must be signed, and have its shape", async () => {
  const { messageId } = await delivered();
  const job = revokeJob(messageId);
  expect((await rig.edge.deliver("/jobs/revoke", job, { key: "sig_of_somebody_else" })).status).toBe(401);
  const url = `${rig.edge.connectorUrl}/jobs/send`;
  expect((await rig.edge.deliver("/jobs/revoke", job, { url })).status).toBe(401);
  expect((await rig.edge.deliver("/jobs/revoke", { messageId })).status).toBe(400);
  expect(await inTheEnd(messageId)).toEqual(["message.sent", "message.delivered"]);
});

test("the id of a revocation gives the id of its message", () => {
  const waId = whatsappId(newId("msg"));
  expect(revocationId(waId)).toMatch(/^3EB0[0-9A-F]{18}$/);
  expect(revocationId(waId)).not.toBe(waId);
  expect(revocationId(revocationId(waId))).toBe(waId);
});
