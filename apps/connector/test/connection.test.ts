import { onTestFinished, expect, test } from "vitest";
import { pino } from "pino";
import type { ClientVersion } from "../src/services.ts";
import type { LiveOptions } from "../src/session/live.ts";
import { createChats } from "../src/store/chats.ts";
import { sealNumber } from "../src/store/own-number.ts";
import { text } from "../src/store/row.ts";
import { LeaseLost } from "../src/store/fence.ts";
import { createGate } from "../src/session/gate.ts";
import { type Adopted, adopt } from "./support/adopted.ts";
import { until } from "./support/fake-edge.ts";
import { handClock } from "./support/hand-clock.ts";

const phone = "+6281200000001";
const closedGate = () => createGate(0);

async function adoptAt(change: Parameters<typeof adopt>[0] = () => undefined) {
  const clock = handClock();
  const adopted = await adopt(async (row, options) => {
    row.leaseUntil = clock.now().getTime() + 15_000;
    row.sealedPhone = sealNumber(options.atRest(row.id), row.id, phone);
    row.sealedAccount = row.sealedPhone;
    Object.assign(options.services, { now: clock.now, after: clock.after });
    await change(row, options);
  });
  onTestFinished(async () => {
    const stopped = adopted.live.stop();
    clock.pass(60_000);
    await stopped;
    await adopted.close();
  });
  return { ...adopted, clock };
}

const opened = ({ sockets }: Adopted, count: number) => until(`socket ${count}`, () => sockets.length === count);
const state = ({ live }: Adopted, name: string) => until(`it is ${name}`, () => live.session.machine.state === name);
/** Everything that could be done by now has been done. */
const settled = async ({ live }: Adopted) => {
  for (let turn = 0; turn < 10; turn++) {
    await live.session.idle();
    await new Promise((resolve) => setImmediate(resolve));
  }
};

test("the first connection waits for its time, the ones after it do not", async () => {
  const one = await adoptAt((_, options) => {
    options.connectAfterMs = 700;
  });
  await settled(one);
  one.clock.pass(699);
  await settled(one);
  expect(one.sockets).toHaveLength(0);
  one.clock.pass(1);
  await opened(one, 1);
  one.sockets[0]!.listener.onClosed("restart_required");
  await opened(one, 2);
});

test("logins through a proxy wait in a queue of their own", async () => {
  const direct = await adoptAt((_, options) => {
    options.gates = { direct: createGate(1), proxied: closedGate() };
  });
  await opened(direct, 1);
  const proxied = await adoptAt((row, options) => {
    options.gates = { direct: closedGate(), proxied: createGate(1) };
    row.sealedProxy = null;
  });
  await state(proxied, "connecting");
  proxied.live.desiredStateChanged({
    ...proxied.row,
    revision: 2,
    sealedProxy: proxied.sealedProxy("http://proxy.example"),
  });
  await opened(proxied, 1);
  expect(proxied.through).toEqual(["http://proxy.example"]);
});

test.each([
  ["is logged in", ({ sockets }: Adopted) => sockets[0]!.listener.onOpened(phone)],
  ["shows a QR code", ({ sockets }: Adopted) => sockets[0]!.listener.onQr("qr", 60_000)],
  ["is closed", ({ sockets }: Adopted) => sockets[0]!.listener.onClosed("banned")],
  ["has taken half a minute", ({ clock }: Awaited<ReturnType<typeof adoptAt>>) => clock.pass(30_000)],
])("a login that %s frees its place for the next", async (_what, happen) => {
  const gate = createGate(1);
  const one = await adoptAt((row, options) => {
    row.leaseUntil += 60_000;
    options.gates = { direct: gate, proxied: closedGate() };
  });
  await opened(one, 1);
  let isNext = false;
  gate.enter("ws_other", () => (isNext = true));
  await settled(one);
  expect(isNext).toBe(false);
  happen(one);
  expect(isNext).toBe(true);
});

test("when the lease runs out there is no socket, nothing to send through, and no other socket until it holds again", async () => {
  const closes: number[] = [];
  const one = await adoptAt((_, options) => {
    const { openSocket } = options;
    options.openSocket = (given) => ({ ...openSocket(given), close: async () => void closes.push(closes.length) });
  });
  await opened(one, 1);
  one.sockets[0]!.listener.onOpened(phone);
  await state(one, "online");
  expect(one.live.online()).not.toBeNull();
  one.clock.pass(14_999);
  expect([closes.length, one.live.online() === null]).toEqual([0, false]);
  one.clock.pass(1);
  expect([closes.length, one.live.online()]).toEqual([1, null]);
  await state(one, "waiting");
  one.clock.pass(120_000);
  await settled(one);
  one.clock.pass(5000);
  await settled(one);
  expect([one.live.session.machine.state, one.sockets.length]).toEqual(["connecting", 1]);
  one.live.renewed(one.clock.now().getTime() + 15_000);
  one.clock.pass(1000);
  await opened(one, 2);
});

test("an expired lease is noticed without a timer too", async () => {
  const one = await adoptAt((_, options) => {
    const { after } = options.services;
    options.services.after = (ms, run) => (ms === 15_000 ? () => undefined : after(ms, run));
  });
  await opened(one, 1);
  one.sockets[0]!.listener.onOpened(phone);
  await state(one, "online");
  one.clock.pass(15_000);
  expect(one.live.online()).toBeNull();
});

test.each(["onAck", "onReceipt", "onMessage"] as const)("%s is a sign of life", async (event) => {
  const one = await adoptAt((_, options) => {
    options.deliveries = { sent: async () => undefined, receipt: async () => undefined } as never;
    options.receive = async () => undefined;
    options.acted = async () => undefined;
    options.knownNumbers = { alive: async () => undefined };
  });
  await opened(one, 1);
  const { listener } = one.sockets[0]!;
  listener.onOpened(phone);
  const openedAt = one.clock.now();
  expect(one.live.connection.signs().heardAt).toEqual(openedAt);
  one.clock.pass(5000);
  await (listener[event] as (of: object) => unknown)({ waId: "W1", error: null });
  expect(one.live.connection.signs().heardAt).toEqual(new Date(openedAt.getTime() + 5000));
});

test("an ack that arrives too late is stored", async () => {
  const sent: string[] = [];
  const acted: string[] = [];
  const one = await adoptAt((_, options) => {
    options.deliveries = { sent: async (_fence: object, waId: string) => void sent.push(waId) } as never;
    options.acted = async (_fence, { waId }) => void acted.push(waId);
  });
  await opened(one, 1);
  const { listener } = one.sockets[0]!;
  const awaited = one.live.connection.awaitAck("W1").within(10_000);
  listener.onAck({ waId: "W1", error: null });
  expect([await awaited, sent]).toEqual([{ type: "sent" }, []]);
  const late = one.live.connection.awaitAck("W2").within(10_000);
  one.clock.pass(10_000);
  expect(await late).toEqual({ type: "unknown" });
  listener.onAck({ waId: "W2", error: null });
  listener.onAck({ waId: "W3", error: "463" });
  expect([sent, acted]).toEqual([["W2"], ["W2"]]);
});

test("a report of a lost connection has the number of losses and the time of the next attempt", async () => {
  const one = await adoptAt((row, options) => {
    row.leaseUntil += 600_000;
    // Without a number the event is readable.
    row.sealedPhone = null;
    options.services.chance = () => 0.5;
  });
  const reported: unknown[] = [];
  for (const lost of [1, 2, 3]) {
    await opened(one, lost);
    one.sockets.at(-1)!.listener.onClosed("connection_lost");
    await state(one, "waiting");
    await settled(one);
    const { rows } = await one.store.client.execute("SELECT body FROM outbox ORDER BY seq DESC LIMIT 1");
    const { attempts, nextAttemptAt } = JSON.parse(text(rows[0], "body")) as Record<string, string>;
    reported.push([attempts, Date.parse(nextAttemptAt!) - one.clock.now().getTime()]);
    one.clock.pass(60_000);
  }
  expect(reported).toEqual([
    [1, 500],
    [2, 1000],
    [3, 2000],
  ]);
});

test("a session that needs attention is logged with its reason", async () => {
  const lines: string[] = [];
  const one = await adoptAt((_, options) => {
    options.logger = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
  });
  await opened(one, 1);
  one.sockets[0]!.listener.onClosed("connection_lost");
  await state(one, "waiting");
  await settled(one);
  expect(lines).toEqual([]);
  one.clock.pass(1000);
  await opened(one, 2);
  one.sockets[1]!.listener.onClosed("banned");
  await state(one, "ended");
  await settled(one);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { sessionId: one.row.id, reason: "banned", msg: "the session needs attention" },
  ]);
});

test("the version that a login has succeeded with is the one that its socket named", async () => {
  const accepted: unknown[] = [];
  let current: ClientVersion = [2, 3000, 1];
  const one = await adoptAt((_, options) => {
    options.version = {
      current: () => current,
      accepted: async (version) => void accepted.push(version),
      refused: async () => false,
    };
  });
  await opened(one, 1);
  current = [2, 3000, 2];
  one.sockets[0]!.listener.onOpened(phone);
  expect([one.sockets[0]!.version, accepted]).toEqual([[2, 3000, 1], [[2, 3000, 1]]]);
});

test("an account's limits are asked for with each login", async () => {
  let asked = 0;
  const one = await adoptAt((_, options) => {
    const { openSocket } = options;
    options.openSocket = (given) => ({ ...openSocket(given), readLimits: async () => (asked++, {}) });
  });
  for (const login of [1, 2]) {
    await opened(one, login);
    expect(asked).toBe(login - 1);
    one.sockets.at(-1)!.listener.onOpened(phone);
    await until("it is asked", () => asked === login);
    one.sockets.at(-1)!.listener.onClosed("restart_required");
  }
});

test("a write that finds the session with another owner gives it up, whichever write it is", async () => {
  const gone: unknown[] = [];
  const one = await adoptAt((_, options) => {
    options.onGone = (live) => void gone.push(live.fence);
  });
  await opened(one, 1);
  one.sockets[0]!.listener.onUnsaved(new Error("the disk is full"));
  expect(gone).toEqual([]);
  one.sockets[0]!.listener.onUnsaved(new LeaseLost());
  expect(gone).toEqual([one.live.fence]);
});

test("a stored text that is no number is repaired at the start: the session is not linked", async () => {
  const one = await adoptAt((row, options) => {
    row.sealedPhone = sealNumber(options.atRest(row.id), row.id, "+");
    row.sealedAccount = row.sealedPhone;
  });
  await opened(one, 1);
  one.sockets[0]!.listener.onQr("qr", 60_000);
  await state(one, "pairing");
  expect(one.live.session.machine).toMatchObject({ phone: null, account: null, isLinked: false });
  const { rows } = await one.store.client.execute("SELECT phone, body FROM session JOIN outbox ORDER BY seq DESC");
  expect(rows.map((row) => [row["phone"], (JSON.parse(text(row, "body")) as { phone: unknown }).phone])).toEqual([
    [null, null],
    [null, null],
  ]);
});

test("an account's data stays after a logout, and is deleted when another account is linked", async () => {
  const forgotten: string[] = [];
  const one = await adoptAt((row, options) => {
    row.leaseUntil += 600_000;
    options.chats = { forget: (sessionId: string) => void forgotten.push(sessionId) } as LiveOptions["chats"];
  });
  const known = async () => {
    const tables = ["chat", "sender_limits"].map((table) => `SELECT count(*) AS n FROM ${table}`);
    const results = await one.store.client.batch(tables);
    return results.map(({ rows }) => rows[0]!["n"]);
  };
  await opened(one, 1);
  one.sockets[0]!.listener.onOpened(phone);
  await state(one, "online");
  one.live.sending.limits.change({ lockedUntil: new Date(one.clock.now().getTime() + 3_600_000) });
  const chats = createChats(one.store, { now: one.clock.now, pseudonym: (person) => person });
  await chats.reached(one.live.fence, ["somebody"]);
  await until("both are stored", async () => (await known()).every((count) => count === 1));

  one.sockets[0]!.listener.onClosed("connection_lost");
  await state(one, "waiting");
  await settled(one);
  expect([await known(), forgotten, one.live.sending.limits.current().lockedUntil === null]).toEqual([
    [1, 1],
    [],
    false,
  ]);
  one.clock.pass(1000);
  await opened(one, 2);
  one.sockets[1]!.listener.onClosed("logged_out");
  await state(one, "ended");
  const { breaker, pacer } = one.live.sending;
  for (const [revision, number, isForgotten] of [
    [2, phone, false],
    [3, "+6281200000009", true],
  ] as const) {
    one.live.desiredStateChanged({ ...one.row, desired: "running", revision });
    await opened(one, one.sockets.length + 1);
    one.sockets.at(-1)!.listener.onLinked(number);
    await settled(one);
    await until("it is as it should be", async () => {
      const lock = one.live.sending.limits.current().lockedUntil;
      const now = [await known(), forgotten, lock === null];
      return JSON.stringify(now) === JSON.stringify(isForgotten ? [[0, 0], [one.row.id], true] : [[1, 1], [], false]);
    });
    const isOther = breaker !== one.live.sending.breaker && pacer !== one.live.sending.pacer;
    expect(isOther).toBe(isForgotten);
    one.sockets.at(-1)!.listener.onClosed("logged_out");
    await state(one, "ended");
  }
});
