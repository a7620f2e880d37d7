import type { ConnectorEvent } from "@sandi/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { leapingClock } from "./support/leaping-clock.ts";
import { newId, qrOf, type Rig, sendJob, startRig } from "./support/rig.ts";

const minute = 60_000;
let rig: Rig;
const clock = leapingClock();
const { pass } = clock;
const now = () => clock.now().getTime();

beforeAll(async () => {
  rig = await startRig({
    environment: { LEASE_SECONDS: "300" },
    services: { now: clock.now, after: clock.after, chance: () => 0.9 },
  });
});
afterAll(() => rig.close());

let numbers = 0;
const nextNumber = () => `+6281400000${String(++numbers).padStart(3, "0")}`;
function person(): string {
  const number = nextNumber();
  rig.simulator.createPhone({ number });
  return number;
}
async function sender() {
  const number = nextNumber();
  return { number, sessionId: await rig.pair(number) };
}
type Limits = Extract<ConnectorEvent, { type: "session.limits" }>;
const limitsOf = (sessionId: string) =>
  rig.edge.events.filter((event): event is Limits => event.type === "session.limits" && event.sessionId === sessionId);
const outcome = async (sessionId: string, to: string) => {
  const messageId = await rig.send(sessionId, { to, code: "123456" });
  await until("its end is reported", () => rig.edge.isFinal(messageId));
  return rig.edge.failureOf(messageId) ?? "sent";
};
const job = (messageId: string, sessionId: string, ttlMs = 10 * minute) =>
  sendJob(messageId, sessionId, ttlMs, clock.now());
const lines = (text: string) => rig.log.filter((line) => line.includes(text)).length;

test("a 463 locks the sender: known people are written to, new ones fail off the wire, until the lock's end", async () => {
  const { number, sessionId } = await sender();
  const [known, writer] = [person(), person()];
  expect(await outcome(sessionId, known)).toBe("sent");
  await rig.simulator.send(writer, { to: number, text: "hello" });
  await until("it is reported", () => rig.edge.events.some(({ type }) => type === "message.received"));
  const lockedUntil = new Date(Math.ceil(now() / 1000) * 1000 + 10 * minute);
  rig.simulator.updatePhone(number, { limits: { isQuiet: true, lockedUntil: lockedUntil.toISOString() } });
  const { limitQueries } = rig.simulator.stats();

  for (let i = 0; i < 4; i++) expect(await outcome(sessionId, person())).toBe("new_chats_locked");
  expect(rig.simulator.stats().lockHits).toBe(1);
  expect(await outcome(sessionId, known)).toBe("sent");
  expect(await outcome(sessionId, writer)).toBe("sent");
  await until("the lock is reported", () => limitsOf(sessionId).length === 2);
  expect(limitsOf(sessionId).map(({ newChatsLockedUntil }) => newChatsLockedUntil)).toEqual([
    null,
    lockedUntil.toISOString(),
  ]);
  expect(rig.simulator.stats().limitQueries).toEqual({ lock: limitQueries.lock + 1, cap: limitQueries.cap + 1 });
  expect(lines('"limit":"lockedUntil","until"')).toBe(1);

  rig.simulator.updatePhone(number, { limits: { lockedUntil: null } });
  await pass(11 * minute);
  await until("its end is reported", () => limitsOf(sessionId).at(-1)?.newChatsLockedUntil === null);
  expect(await outcome(sessionId, person())).toBe("sent");
  expect(rig.simulator.stats().lockHits).toBe(1);
  expect(lines("a limit of the account has ended")).toBe(1);
});

test("a lock that WhatsApp reports is known before a message is refused, and so is its end", async () => {
  const { number, sessionId } = await sender();
  const hits = rig.simulator.stats().lockHits;
  await until("the first limits are reported", () => limitsOf(sessionId).length === 1);
  const lockAfter = { coldSends: 1, windowMs: minute, lockMs: 20 * minute };
  rig.simulator.updatePhone(number, { limits: { lockAfter } });
  expect(await outcome(sessionId, person())).toBe("sent");
  await until("the lock is reported", () => limitsOf(sessionId).length === 2);
  expect(await outcome(sessionId, person())).toBe("new_chats_locked");
  expect(rig.simulator.stats().lockHits).toBe(hits);
  rig.simulator.updatePhone(number, { limits: { lockAfter: null, lockedUntil: null } });
  await until("the end is reported", () => limitsOf(sessionId).length === 3);
  expect(await outcome(sessionId, person())).toBe("sent");
});

test("an account's limits survive a restart, and are reported once", async () => {
  const { number, sessionId } = await sender();
  const known = person();
  expect(await outcome(sessionId, known)).toBe("sent");
  const lockedUntil = new Date(Math.ceil(now() / 1000) * 1000 + 30 * minute).toISOString();
  rig.simulator.updatePhone(number, { limits: { lockedUntil } });
  await until("the lock is reported", () => limitsOf(sessionId).at(-1)?.newChatsLockedUntil === lockedUntil);
  const reported = limitsOf(sessionId).length;
  const hits = rig.simulator.stats().lockHits;
  await rig.stop();
  await rig.start();
  await pass(minute);
  await until("it is online again", () => rig.edge.statesOf(sessionId).at(-1) === "online");
  expect(await outcome(sessionId, person())).toBe("new_chats_locked");
  expect(await outcome(sessionId, known)).toBe("sent");
  expect(limitsOf(sessionId)).toHaveLength(reported);
  expect(rig.simulator.stats().lockHits).toBe(hits);
});

test("a sender without new chats keeps its known chats, and may open new ones after the cycle's end", async () => {
  const { number, sessionId } = await sender();
  const known = person();
  expect(await outcome(sessionId, known)).toBe("sent");
  rig.simulator.updatePhone(number, { limits: { newChats: { total: 2, cycleMs: 40 * minute } } });
  await until("the cap is reported", () => limitsOf(sessionId).at(-1)?.newChats?.total === 2);
  const results = [];
  for (let i = 0; i < 4; i++) results.push(await outcome(sessionId, person()));
  expect(results).toEqual(["sent", "sent", "new_chats_locked", "new_chats_locked"]);
  expect(rig.simulator.stats().capHits).toBe(0);
  await until("it is reported", () => limitsOf(sessionId).at(-1)?.newChats?.used === 2);
  expect(await outcome(sessionId, known)).toBe("sent");
  rig.simulator.updatePhone(number, { limits: { newChats: null } });
  await pass(41 * minute);
  expect(await outcome(sessionId, person())).toBe("sent");
});

test("each new chat of a capped account asks how many are left; one with a known person does not", async () => {
  const { number, sessionId } = await sender();
  const known = person();
  expect(await outcome(sessionId, known)).toBe("sent");
  rig.simulator.updatePhone(number, { limits: { newChats: { total: 5, cycleMs: 40 * minute } } });
  await until("the cap is reported", () => limitsOf(sessionId).at(-1)?.newChats?.total === 5);
  const asked = () => rig.simulator.stats().limitQueries.cap;
  await pass(2 * minute);
  const before = asked();
  expect(await outcome(sessionId, known)).toBe("sent");
  expect(asked()).toBe(before);
  expect(await outcome(sessionId, person())).toBe("sent");
  await until("it is asked", () => asked() === before + 1);
});

test("too much (429) pauses the session: the message comes again, one tries, and then all go", async () => {
  const { number, sessionId } = await sender();
  const to = person();
  expect(await outcome(sessionId, to)).toBe("sent");
  rig.simulator.updatePhone(number, { limits: { sendRate: { messages: 0, windowMs: 1000 } } });
  const ids = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const messageId = newId("msg");
      await rig.edge.accept(messageId, { to, code: String(600_000 + i) });
      return messageId;
    }),
  );
  const storm = () => Promise.all(ids.map((id) => rig.edge.deliver("/jobs/send", job(id, sessionId))));
  for (const answer of await storm()) {
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get("retry-after"))).toBeLessThan(60);
  }
  const { rateRefusals } = rig.simulator.stats();
  expect(rateRefusals).toBeLessThanOrEqual(20);
  await until("the pause is reported", () => limitsOf(sessionId).at(-1)?.pausedUntil);
  expect(await rig.metrics()).toContain("sandi_breaker_open 1");
  for (const { status } of await storm()) expect(status).toBe(503);
  expect(rig.simulator.stats().rateRefusals).toBe(rateRefusals);

  // A code that expires before the pause ends goes to another sender.
  const shortLived = newId("msg");
  await rig.edge.accept(shortLived, { to, code: "999999" });
  expect((await rig.edge.deliver("/jobs/send", job(shortLived, sessionId, 5000))).status).toBe(200);
  await until("it has failed", () => rig.edge.failureOf(shortLived) === "account_restricted");

  // Half-open: of all that come, one tries, and is refused; the next pause is longer.
  const first = Date.parse(limitsOf(sessionId).at(-1)!.pausedUntil!);
  await pass(first - now());
  for (const { status } of await storm()) expect(status).toBe(503);
  expect(rig.simulator.stats().rateRefusals).toBe(rateRefusals + 1);
  await until("the next pause is reported", () => Date.parse(limitsOf(sessionId).at(-1)?.pausedUntil ?? "") > first);

  rig.simulator.updatePhone(number, { limits: { sendRate: null } });
  await pass(minute);
  for (const id of ids) expect(await rig.edge.deliverUntilDone("/jobs/send", job(id, sessionId))).toBe(200);
  const shown = () => rig.simulator.messages(to).filter(({ text }) => /60000\d|6000[01]\d/.test(text));
  await until("all are there", () => shown().length === 20);
  expect(limitsOf(sessionId).at(-1)?.pausedUntil).toBeNull();
  expect(await rig.metrics()).toContain("sandi_breaker_open 0");
});

test("unexplained refusals pause a session when they concern several people, not one", async () => {
  const { number, sessionId } = await sender();
  rig.simulator.setFault({ kind: "send-error", number, code: 475 });
  const one = person();
  for (let i = 0; i < 6; i++) expect(await outcome(sessionId, one)).toBe("refused");
  for (let i = 0; i < 4; i++) expect(await outcome(sessionId, person())).toBe("refused");
  await until("the pause is reported", () => limitsOf(sessionId).at(-1)?.pausedUntil);
  rig.simulator.clearFaults();
  await pass(2 * minute);
  expect(await outcome(sessionId, one)).toBe("sent");
});

test("an account that may not send is paused for longer, and its message fails", async () => {
  const { number, sessionId } = await sender();
  rig.simulator.setFault({ kind: "send-error", number, code: 403, times: 1 });
  expect(await outcome(sessionId, person())).toBe("account_restricted");
  const pausedUntil = await until("the pause is reported", () => limitsOf(sessionId).at(-1)?.pausedUntil);
  expect(Date.parse(pausedUntil) - now()).toBeGreaterThan(minute);
});

test("463 without a lock is one recipient's: others are written to, and WhatsApp is asked once a minute", async () => {
  const { number, sessionId } = await sender();
  await until("the first limits are reported", () => limitsOf(sessionId).length === 1);
  const [lonely, other] = [person(), person()];
  rig.simulator.setFault({ kind: "send-error", number, code: 463, to: lonely });
  const { limitQueries } = rig.simulator.stats();
  for (let i = 0; i < 4; i++) expect(await outcome(sessionId, lonely)).toBe("new_chats_locked");
  expect(await outcome(sessionId, other)).toBe("sent");
  expect(rig.simulator.stats().limitQueries).toEqual({ lock: limitQueries.lock + 1, cap: limitQueries.cap + 1 });
  await pass(minute);
  await until("it asks again", () => rig.simulator.stats().limitQueries.lock === limitQueries.lock + 2);
  expect(limitsOf(sessionId)).toHaveLength(1);
  rig.simulator.clearFaults();
});

test.each([
  ["an error", false],
  ["nothing", true],
])("%s in answer to the question for the limits ends none of them", async (_what, empty) => {
  const { number, sessionId } = await sender();
  const lockedUntil = new Date(Math.ceil(now() / 1000) * 1000 + 3 * minute).toISOString();
  rig.simulator.updatePhone(number, { limits: { isQuiet: true, lockedUntil } });
  expect(await outcome(sessionId, person())).toBe("new_chats_locked");
  await until("the lock is reported", () => limitsOf(sessionId).at(-1)?.newChatsLockedUntil === lockedUntil);
  rig.simulator.setFault({ kind: "limits-error", number, empty });
  const { lock } = rig.simulator.stats().limitQueries;
  rig.simulator.setFault({ kind: "drop", number });
  await until("it asks after its login", () => rig.simulator.stats().limitQueries.lock > lock);
  await until("it is back", () => rig.edge.statesOf(sessionId).at(-1) === "online");
  expect(await outcome(sessionId, person())).toBe("new_chats_locked");
  expect(limitsOf(sessionId).at(-1)?.newChatsLockedUntil).toBe(lockedUntil);
  rig.simulator.clearFaults();
});

test("another account on the same session starts with nothing known", async () => {
  const { number, sessionId } = await sender();
  const known = person();
  expect(await outcome(sessionId, known)).toBe("sent");
  const lockedUntil = new Date(Math.ceil(now() / 1000) * 1000 + 3 * minute).toISOString();
  rig.simulator.updatePhone(number, { limits: { lockedUntil } });
  await until("the lock is reported", () => limitsOf(sessionId).at(-1)?.newChatsLockedUntil);
  rig.simulator.unlink(number, 1);
  await until("it is logged out", () => rig.edge.statesOf(sessionId).at(-1) === "ended/logged_out");
  await rig.setDesiredState({ sessionId, desired: "running" });
  const other = nextNumber();
  rig.simulator.createPhone({ number: other });
  const qr = await until("a QR code is shown", () => qrOf(rig, sessionId));
  rig.simulator.updatePhone(other, { limits: { isQuiet: true, lockedUntil } });
  await rig.simulator.scan(other, qr);
  await until("it is online", () => rig.edge.statesOf(sessionId).at(-1) === "online");
  expect(await outcome(sessionId, known)).toBe("new_chats_locked");
});

test("a locked sender may write to the number of a person who wrote under a LID", async () => {
  const { number, sessionId } = await sender();
  const writer = person();
  rig.simulator.setFault({ kind: "one-name", number });
  rig.simulator.updatePhone(writer, { addressing: "lid" });
  const received = rig.edge.events.length;
  await rig.simulator.send(writer, { to: number, text: "hello" });
  const isTold = () => rig.edge.events.slice(received).some(({ type }) => type === "message.received");
  await until("it is reported", isTold);
  rig.simulator.clearFaults();
  const lockedUntil = new Date(now() + 3 * minute).toISOString();
  rig.simulator.updatePhone(number, { limits: { lockedUntil } });
  await until("the lock is reported", () => limitsOf(sessionId).at(-1)?.newChatsLockedUntil);
  expect(await outcome(sessionId, writer)).toBe("sent");
});

test("under a lock, a message that may have arrived is tried again, and arrives once", async () => {
  const { number, sessionId } = await sender();
  const to = person();
  // Its receipts would show it.
  rig.simulator.updatePhone(to, { receipts: "none" });
  const { lockHits } = rig.simulator.stats();
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to, code: "246810" });
  rig.simulator.setFault({ kind: "no-ack", number, to, times: 1 });
  const first = rig.edge.deliver("/jobs/send", job(messageId, sessionId));
  await until("it is shown", () => rig.simulator.messages(to).length === 1);
  await pass(11_000);
  expect((await first).status).toBe(503);
  const lockedUntil = new Date(now() + 3 * minute).toISOString();
  rig.simulator.updatePhone(number, { limits: { lockedUntil } });
  await until("the lock is reported", () => limitsOf(sessionId).at(-1)?.newChatsLockedUntil);
  expect(await rig.edge.deliverUntilDone("/jobs/send", job(messageId, sessionId))).toBe(200);
  await until("it is reported", () => rig.edge.isFinal(messageId));
  expect(rig.edge.failureOf(messageId)).toBeUndefined();
  expect(rig.simulator.messages(to)).toHaveLength(1);
  expect(rig.simulator.stats().lockHits).toBe(lockHits);
});

test("a banned account ends its session, and nothing more is sent", async () => {
  const { number, sessionId } = await sender();
  rig.simulator.updatePhone(number, { limits: { banAfter: { coldSends: 1, windowMs: minute } } });
  expect(await outcome(sessionId, person())).toBe("sent");
  expect(await outcome(sessionId, person())).toBe("account_restricted");
  await until("the session has ended", () => rig.edge.statesOf(sessionId).at(-1) === "ended/banned");
  const { messagesReceived } = rig.simulator.stats();
  expect(await outcome(sessionId, person())).toBe("account_restricted");
  expect(rig.simulator.stats().messagesReceived).toBe(messagesReceived);
});
