import { pino } from "pino";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { createAccountLimits, hasClosedNewChats } from "../src/session/account-limits.ts";
import { LeaseLost } from "../src/store/fence.ts";
import { until } from "./support/fake-edge.ts";
import { storedSession } from "./support/stored-session.ts";

const start = Date.parse("2026-08-01T00:00:00Z");
const clock = { at: start };
const now = () => new Date(clock.at);
beforeEach(() => {
  clock.at = start;
});

async function keeper() {
  const { store, fence } = await storedSession(now());
  const failures: unknown[] = [];
  const timers: (() => void)[] = [];
  let ids = 0;
  const make = (own = fence) =>
    createAccountLimits({
      services: {
        now,
        newId: () => `evt_${++ids}`,
        after: (_ms, run) => {
          timers.push(run);
          return () => undefined;
        },
      },
      store,
      fence: own,
      logger: pino({ level: "silent" }),
      onAppended: () => undefined,
      onPaused: () => undefined,
      unsaved: (error) => void failures.push(error),
    });
  const reported = async () => {
    const { rows } = await store.client.execute("SELECT body FROM outbox ORDER BY seq");
    return rows.map(({ body }) => JSON.parse(body as string) as Record<string, unknown>);
  };
  return { store, fence, make, reported, failures, timers };
}

describe("stored limits", () => {
  const lockedUntil = new Date(start + 60_000);

  test("are reported when they change, and not when they are received again", async () => {
    const { make, reported } = await keeper();
    const limits = make();
    await limits.ready;
    const same = { lockedUntil: null, newChats: { total: 5, used: 1, resetsAt: lockedUntil } };
    limits.change(same);
    limits.change({ ...same });
    await until("they are reported", async () => (await reported()).length === 1);
    limits.change({ lockedUntil });
    await until("the lock is reported", async () => (await reported()).length === 2);
    limits.change({ trips: 1 });
    expect(hasClosedNewChats(limits.current())).toBe(true);
    const again = make();
    await again.ready;
    again.change({ lockedUntil });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await reported()).toHaveLength(2);
    clock.at += 60_000;
    again.change({});
    await until("the end is reported", async () => (await reported()).length === 3);
    expect((await reported()).at(-1)).toMatchObject({
      newChatsLockedUntil: null,
      newChats: { total: 5, used: 0, resetsAt: null },
    });
  });

  test("are not written by an owner that has lost the session", async () => {
    const { make, reported, failures, fence } = await keeper();
    const limits = make({ ...fence, fence: fence.fence - 1 });
    await limits.ready;
    limits.change({ lockedUntil });
    await until("it is noticed", () => failures.length > 0);
    expect(failures[0]).toBeInstanceOf(LeaseLost);
    expect(await reported()).toEqual([]);
  });

  test("are written later when the database does not take them", async () => {
    const { make, reported, failures, store, timers } = await keeper();
    const limits = make();
    await limits.ready;
    const disk = vi.spyOn(store.writer, "write").mockRejectedValueOnce(new Error("disk full"));
    limits.change({ pausedUntil: lockedUntil });
    await until("it failed", () => failures.length > 0);
    timers.at(-1)!();
    await until("it is reported", async () => (await reported()).length === 1);
    expect(disk).toHaveBeenCalledTimes(2);
  });
});
