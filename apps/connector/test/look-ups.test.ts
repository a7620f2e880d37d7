import { ReachabilityRpc } from "@sandi/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { type LeapingClock, leapingClock } from "./support/leaping-clock.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const [one, other, nobody] = ["+6281300000001", "+6281300000002", "+6281300000003"];
const dayMs = 86_400_000;

let clock: LeapingClock;
let rig: Rig;
let sessionId: string;
beforeEach(async () => {
  clock = leapingClock();
  rig = await startRig({
    environment: { LEASE_SECONDS: "300" },
    services: { chance: () => 0, now: clock.now, after: clock.after },
  });
  for (const number of [one, other]) rig.simulator.createPhone({ number, receipts: "delivered" });
  sessionId = await rig.pair(own);
});
afterEach(() => rig.close());

async function restart(): Promise<void> {
  await rig.stop();
  const before = rig.edge.statesOf(sessionId).length;
  await rig.start();
  await until("it is back", async () => {
    await clock.pass(1000);
    return rig.edge.statesOf(sessionId).slice(before).at(-1) === "online";
  });
}

const asked = () => rig.simulator.stats().contactQueries;
const received = (number: string) => rig.simulator.messages(number).length;

async function accept(to: string, ttlMs = 300_000) {
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to, code: "123456" }, ttlMs);
  const job = sendJob(messageId, sessionId, ttlMs, clock.now());
  return { messageId, deliver: () => rig.edge.deliver("/jobs/send", job) };
}

async function outcome(to: string, ttlMs?: number): Promise<string> {
  const { messageId, deliver } = await accept(to, ttlMs);
  const { status, headers } = await deliver();
  if (status !== 200) return `again in ${headers.get("retry-after")}`;
  await until("it is final", () => rig.edge.isFinal(messageId));
  return rig.edge.failureOf(messageId) ?? "sent";
}

async function reachable(...numbers: string[]) {
  const response = await rig.edge.rpc(ReachabilityRpc.path, { sessionId, numbers });
  const body = (await response.json()) as { results?: { isOnWhatsApp: boolean | null }[]; code?: string };
  return body.results?.map(({ isOnWhatsApp }) => isOnWhatsApp) ?? body.code;
}

async function counted() {
  const store = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  const { rows } = await store.client.execute("SELECT sum(asked) AS asked, sum(dead) AS dead FROM look_up");
  await store.close();
  return [Number(rows[0]?.["asked"]), Number(rows[0]?.["dead"])];
}

test("an answer without the number decides nothing: the message waits, longer each time, and the number counts as alive", async () => {
  rig.simulator.setFault({ kind: "usync-silence" });
  const { messageId, deliver } = await accept(one);
  for (const seconds of [5, 10, 20]) {
    const waits = await deliver();
    expect([waits.status, waits.headers.get("retry-after")]).toEqual([503, String(seconds)]);
    // An earlier job is sent back to wait, without a question.
    const { contactQueries } = rig.simulator.stats();
    await deliver();
    expect(asked()).toBe(contactQueries);
    await clock.pass(seconds * 1000);
  }
  expect(await counted()).toEqual([3, 0]);
  rig.simulator.clearFaults();
  expect((await deliver()).status).toBe(200);
  await until("it is sent", () => rig.edge.typesOf(messageId).includes("message.sent"));
  await until("it is there", () => received(one) === 1);
});

test("a number that is missing in the answer is unknown, and only WhatsApp's explicit no means no account", async () => {
  rig.simulator.setFault({ kind: "usync-silence", to: other });
  expect(await reachable(one, other, nobody)).toEqual([true, null, false]);
  expect(await counted()).toEqual([3, 1]);
  rig.simulator.clearFaults();
  await clock.pass(5000);
  expect(await reachable(one, other, nobody)).toEqual([true, true, false]);
});

test("an error about one number delays that number as long as the error says, and no other", async () => {
  rig.simulator.setFault({ kind: "usync-error", to: one, code: 429, backoff: 120 });
  expect(await reachable(one, nobody)).toEqual([null, false]);
  const before = asked();
  // A code that lives longer waits. One that does not fails with its own reason, not as a number without account.
  expect(await outcome(one)).toBe("again in 120");
  expect(await outcome(one, 60_000)).toBe("lookups_exhausted");
  expect(asked()).toBe(before);
  expect(await outcome(other)).toBe("sent");
  rig.simulator.clearFaults();
  await clock.pass(120_000);
  expect(await outcome(one)).toBe("sent");
  expect((await counted())[1]).toBe(1);
});

test("without a time an error about one number holds it back for a minute", async () => {
  rig.simulator.setFault({ kind: "usync-error", to: one, code: 500 });
  expect(await outcome(one)).toBe("again in 60");
});

test.each([
  ["in the result", "result"],
  ["in place of an answer", "iq"],
] as const)("an error %s holds all questions of the session back, over a restart as well", async (_where, at) => {
  expect(await outcome(other)).toBe("sent");
  rig.simulator.setFault({ kind: "usync-error", at, code: 429, backoff: 3600 });
  expect(await outcome(one)).toBe("lookups_exhausted");
  rig.simulator.clearFaults();
  const before = asked();
  expect(await outcome(one)).toBe("lookups_exhausted");
  expect(await outcome(one, 7_200_000)).toMatch(/^again in 3[56]\d\d$/);
  expect(await reachable(nobody)).toBe("lookups-exhausted");
  // Known numbers are still written to.
  expect(await outcome(other)).toBe("sent");
  await restart();
  expect(await reachable(nobody)).toBe("lookups-exhausted");
  expect(asked()).toBe(before);
  await clock.pass(3_600_000);
  expect(await outcome(one)).toBe("sent");
  expect(await counted()).toEqual([3, 0]);
});

test("an error that is not the server's delays the numbers of that look-up, and no others", async () => {
  rig.simulator.setFault({ kind: "usync-error", at: "iq", code: 400, times: 1 });
  expect(await outcome(one)).toBe("again in 60");
  expect(await outcome(other)).toBe("sent");
  await clock.pass(60_000);
  expect(await outcome(one)).toBe("sent");
});

test("without an answer a message goes to the last known account", async () => {
  expect(await outcome(one)).toBe("sent");
  const store = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  await store.client.execute({ sql: "UPDATE number SET until = until - ?", args: [20 * dayMs] });
  await store.close();
  await restart();
  rig.simulator.setFault({ kind: "usync-silence" });
  // A question about reachability does not get an answer that may be out of date.
  expect(await reachable(one)).toEqual([null]);
  expect(await outcome(one)).toBe("sent");
  await until("both are there", () => received(one) === 2);
});

test("a message from a number ends that it has no account", async () => {
  rig.simulator.setFault({ kind: "unregistered", number: one });
  expect(await outcome(one)).toBe("not_on_whatsapp");
  expect(await reachable(one)).toEqual([false]);
  rig.simulator.clearFaults();
  expect(await outcome(one)).toBe("not_on_whatsapp");
  const before = asked();
  await rig.simulator.send(one, { to: own, text: "hello" });
  await until("it is received", () => rig.edge.events.some(({ type }) => type === "message.received"));
  expect(await outcome(one)).toBe("sent");
  expect(await reachable(one)).toEqual([true]);
  expect(asked()).toBe(before);
});

test("and a look-up that was running when the message arrived does not restore it", async () => {
  rig.simulator.setFault({ kind: "unregistered", number: one });
  rig.simulator.setFault({ kind: "latency", number: own, ms: 300 });
  const answer = reachable(one);
  await rig.simulator.send(one, { to: own, text: "hello" });
  await answer;
  await until("it is received", () => rig.edge.events.some(({ type }) => type === "message.received"));
  rig.simulator.clearFaults();
  expect(await reachable(one)).toEqual([true]);
});

test("a receipt ends it as well, and for the other spelling of the number", async () => {
  const [registered, written] = ["+5215512345678", "+525512345678"];
  rig.simulator.createPhone({ number: registered, receipts: "delivered" });
  rig.simulator.updatePhone(registered, { online: false });
  expect(await outcome(registered)).toBe("sent");
  const store = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  await store.client.execute("UPDATE number SET sealed_jid = NULL");
  await store.close();
  await restart();
  expect(await reachable(registered, written)).toEqual([false, false]);
  rig.simulator.updatePhone(registered, { online: true });
  await until("it is delivered", () => rig.edge.events.some(({ type }) => type === "message.delivered"));
  expect(await reachable(registered, written)).toEqual([true, true]);
});

test("and a no about the other spelling of a number counts less than a message from it", async () => {
  const [registered, written] = ["+5215512345678", "+525512345678"];
  rig.simulator.createPhone({ number: registered, receipts: "delivered" });
  await rig.simulator.send(registered, { to: own, text: "hello" });
  await until("it is received", () => rig.edge.events.some(({ type }) => type === "message.received"));
  rig.simulator.setFault({ kind: "unregistered", number: registered });
  expect(await reachable(written)).toEqual([true]);
  expect((await counted())[1]).toBe(0);
});

test("when WhatsApp names no devices the message is not sent, waits, and is sent when it names them", async () => {
  rig.simulator.setFault({ kind: "usync-silence", about: "devices", to: one });
  const { messageId, deliver } = await accept(one);
  for (let attempt = 1; attempt <= 6; attempt++) {
    const waits = await deliver();
    expect([attempt, waits.status, waits.headers.get("retry-after")]).toEqual([attempt, 503, "10"]);
  }
  expect(rig.simulator.stats().messagesReceived).toBe(0);
  rig.simulator.clearFaults();
  expect((await deliver()).status).toBe(200);
  await until("it is sent", () => rig.edge.typesOf(messageId).includes("message.sent"));
  await until("it is there", () => received(one) === 1);
});

test("when WhatsApp has no time for the recipient's keys the message waits as well", async () => {
  rig.simulator.setFault({ kind: "iq-error", number: own, xmlns: "encrypt", code: 429 });
  const { messageId, deliver } = await accept(one);
  for (let attempt = 1; attempt <= 6; attempt++) {
    const waits = await deliver();
    expect([attempt, waits.status, waits.headers.get("retry-after")]).toEqual([attempt, 503, "60"]);
  }
  rig.simulator.clearFaults();
  expect((await deliver()).status).toBe(200);
  await until("it is sent", () => rig.edge.typesOf(messageId).includes("message.sent"));
});

test("nor does an error about the devices make a recipient undeliverable", async () => {
  rig.simulator.setFault({ kind: "usync-error", about: "devices", to: one, code: 429 });
  const { messageId, deliver } = await accept(one);
  for (let attempt = 1; attempt <= 6; attempt++) {
    const waits = await deliver();
    expect([attempt, waits.status, waits.headers.get("retry-after")]).toEqual([attempt, 503, "60"]);
  }
  rig.simulator.clearFaults();
  expect((await deliver()).status).toBe(200);
  await until("it is sent", () => rig.edge.typesOf(messageId).includes("message.sent"));
});
