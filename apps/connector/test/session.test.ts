import { expect, test } from "vitest";
import type { Effect, Machine } from "../src/session/machine.ts";
import { createSession, type SessionActions } from "../src/session/session.ts";

const online: Machine = {
  state: "online",
  reason: null,
  phone: "+6281200000001",
  account: "+6281200000001",
  desired: "running",
  revision: 1,
  isLinked: true,
  socket: 1,
  lastSocket: 1,
  attempts: 0,
  strikes: 0,
  isVersionFresh: false,
  restarts: 0,
};

const start = Date.parse("2026-11-21T08:00:00.000Z");

function actions(overrides: Partial<SessionActions> = {}) {
  const done: string[] = [];
  const timers = new Map<() => void, number>();
  const failed: Effect["type"][] = [];
  const all: SessionActions = {
    open: (socket) => void done.push(`open ${socket}`),
    close: async (socket) => void done.push(`close ${socket}`),
    logOut: async (socket) => void done.push(`logOut ${socket}`),
    async report({ state }) {
      done.push(`report ${state}`);
      return true;
    },
    dropCaches: () => void done.push("dropCaches"),
    refreshVersion: () => Promise.resolve(false),
    alert: ({ reason }) => void done.push(`alert ${reason}`),
    async remove() {
      done.push("remove");
      return true;
    },
    lost: () => void done.push("lost"),
    failed: (effect) => void failed.push(effect),
    after(ms, run) {
      timers.set(run, ms);
      return () => void timers.delete(run);
    },
    chance: () => 0.5,
    now: () => new Date(start),
    ...overrides,
  };
  return { all, done, failed, timers, fire: () => [...timers.keys()].forEach((run) => (timers.delete(run), run())) };
}

test("an event that changes nothing does not cancel the reconnect timer", async () => {
  const { all, done, timers, fire } = actions();
  const session = createSession(online, all);
  session.closed(1, "connection_lost");
  session.post({ type: "desiredStateChanged", desired: "running", revision: 1 });
  session.post({ type: "qr", socket: 1 });
  await session.idle();
  expect([...timers.values()]).toEqual([500]);
  fire();
  await session.idle();
  expect(done).toEqual(["report waiting", "report connecting", "open 2"]);
});

test("a late close does not wake an idle session", async () => {
  const { all, done, timers } = actions();
  const session = createSession(online, all);
  session.post({ type: "desiredStateChanged", desired: "stopped", revision: 2 });
  session.closed(1, "connection_lost");
  await session.idle();
  expect(session.machine.state).toBe("stopped");
  expect(timers.size).toBe(0);
  expect(done).toEqual(["close 1", "report stopped"]);
});

test("one failed step does not wedge the queue", async () => {
  const { all, done, failed } = actions({ close: () => Promise.reject(new Error("no")) });
  const session = createSession(online, all);
  session.post({ type: "desiredStateChanged", desired: "stopped", revision: 2 });
  session.post({ type: "desiredStateChanged", desired: "running", revision: 3 });
  await session.idle();
  expect(failed).toEqual(["close"]);
  expect(done).toEqual(["report stopped", "report connecting", "open 2"]);
});

test("events are taken one at a time, each with all of its effects", async () => {
  const order: string[] = [];
  const { all } = actions({
    async report({ state }) {
      order.push(`start ${state}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push(`end ${state}`);
      return true;
    },
  });
  const session = createSession(online, all);
  session.closed(1, "connection_lost");
  session.post({ type: "retryDue" });
  await session.idle();
  expect(order).toEqual(["start waiting", "end waiting", "start connecting", "end connecting"]);
});

test("a state that could not be stored is stored later", async () => {
  let isDown = true;
  const { all, done } = actions();
  const report = all.report;
  const session = createSession(online, {
    ...all,
    report: (...reported) => (isDown ? Promise.reject(new Error("database")) : report(...reported)),
  });
  session.closed(1, "banned");
  await session.idle();
  expect(done).toEqual(["alert banned"]);
  isDown = false;
  session.retryStoring();
  await session.idle();
  expect(done).toEqual(["alert banned", "report ended"]);
  session.retryStoring();
  await session.idle();
  expect(done).toHaveLength(2);
});

test("a removal that could not be stored is stored later", async () => {
  let isDown = true;
  const { all, done, failed } = actions();
  const { remove } = all;
  const session = createSession(online, {
    ...all,
    remove: (machine) => (isDown ? Promise.reject(new Error("database")) : remove(machine)),
  });
  session.post({ type: "desiredStateChanged", desired: "deleted", revision: 2 });
  await session.idle();
  session.retryStoring();
  await session.idle();
  expect([done, failed]).toEqual([["logOut 1"], ["remove", "remove"]]);
  isDown = false;
  // As the supervisor does after a renewal: it comes while an event is dealt with.
  session.post({ type: "desiredStateChanged", desired: "deleted", revision: 2 });
  session.retryStoring();
  await session.idle();
  session.retryStoring();
  await session.idle();
  expect(done).toEqual(["logOut 1", "remove"]);
});

test("a report that finds the lease taken gives the session up", async () => {
  const { all, done } = actions({ report: () => Promise.resolve(false) });
  const session = createSession(online, all);
  session.closed(1, "replaced");
  await session.idle();
  expect(done[0]).toBe("lost");
});

test("a stopped session takes no more events", async () => {
  const { all, done, timers } = actions();
  const session = createSession(online, all);
  session.closed(1, "connection_lost");
  await session.idle();
  session.stop();
  session.post({ type: "retryDue" });
  await session.idle();
  expect(timers.size).toBe(0);
  expect(done).toEqual(["report waiting"]);
});

test("a report of a lost connection has the number of losses and the time of the next attempt", async () => {
  const reported: unknown[] = [];
  const { all, fire } = actions({
    async report({ state, attempts }, _forget, nextAttemptAt) {
      reported.push([state, attempts, nextAttemptAt && nextAttemptAt.getTime() - start]);
      return true;
    },
  });
  const session = createSession(online, all);
  session.closed(1, "connection_lost");
  await session.idle();
  fire();
  await session.idle();
  session.closed(2, "connection_lost");
  await session.idle();
  session.post({ type: "desiredStateChanged", desired: "stopped", revision: 2 });
  await session.idle();
  expect(reported).toEqual([
    ["waiting", 1, 500],
    ["connecting", 1, null],
    ["waiting", 2, 1000],
    ["stopped", 0, null],
  ]);
});
