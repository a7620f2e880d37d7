import { describe, expect, test } from "vitest";
import { createProxyWatch } from "../src/proxy/watch.ts";

function watched() {
  const timers: { ms: number; run: () => void }[] = [];
  const reported: boolean[] = [];
  const probed: string[] = [];
  const world = { hangs: false, isUp: true, isInUse: true, isTold: true };
  const watch = createProxyWatch({
    services: {
      chance: () => 0.5,
      after(ms, run) {
        const timer = { ms, run };
        timers.push(timer);
        return () => void (timers.includes(timer) && timers.splice(timers.indexOf(timer), 1));
      },
    },
    tunnels: {
      open: () => {
        throw new Error("not here");
      },
      async probe(tried, signal) {
        probed.push(tried);
        if (world.hangs) await new Promise((resolve) => signal.addEventListener("abort", resolve));
        if (!world.isUp) throw new Error("down");
      },
    },
    url: "http://a.example",
    isInUse: () => world.isInUse,
    async onChange(isHealthy) {
      if (!world.isTold) throw new Error("the database is away");
      reported.push(isHealthy);
    },
  });
  const minute = async () => {
    const due = timers.findIndex(({ ms }) => ms >= 45_000);
    timers.splice(due, 1)[0]?.run();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { watch, timers, reported, probed, world, minute };
}

describe("the watch of a proxy", () => {
  test("checks it about every minute, and reports only changes", async () => {
    const { reported, probed, world, minute } = watched();
    await minute();
    await minute();
    world.isUp = false;
    await minute();
    await minute();
    world.isUp = true;
    await minute();
    expect([reported, probed.length]).toEqual([[true, false, true], 5]);
  });

  test("leaves it alone while the session is stopped", async () => {
    const { probed, world, minute } = watched();
    world.isInUse = false;
    await minute();
    expect(probed).toEqual([]);
    world.isInUse = true;
    await minute();
    expect(probed).toHaveLength(1);
  });

  test("reports again what could not be reported", async () => {
    const { reported, world, minute } = watched();
    world.isTold = false;
    await minute();
    world.isTold = true;
    await minute();
    expect(reported).toEqual([true]);
  });

  test("restarts with another proxy, and ends without one", async () => {
    const { watch, timers, reported, probed, minute } = watched();
    await minute();
    watch.use("http://b.example");
    await minute();
    expect([reported, probed]).toEqual([
      [true, true],
      ["http://a.example", "http://b.example"],
    ]);
    watch.use(null);
    expect([timers.length, await watch.check(), watch.open()]).toEqual([0, true, null]);
  });

  test("gives one up that does not answer in ten seconds", async () => {
    const { watch, timers, reported, world } = watched();
    world.hangs = true;
    world.isUp = false;
    const asked = watch.check();
    timers.find(({ ms }) => ms === 10_000)!.run();
    expect([await asked, reported]).toEqual([false, [false]]);
  });

  test("trusts a connection that was opened meanwhile more than a failed check", async () => {
    const { watch, timers, reported, world } = watched();
    world.hangs = true;
    world.isUp = false;
    const asked = watch.check();
    watch.observed(true);
    timers.find(({ ms }) => ms === 10_000)!.run();
    expect([await asked, reported]).toEqual([true, [true]]);
  });

  test("answers for the newer proxy when it replaced the one that is being checked", async () => {
    const { watch, reported, probed, world, timers } = watched();
    world.hangs = true;
    const asked = watch.check();
    watch.use("http://b.example");
    world.hangs = false;
    for (const { run } of timers.filter(({ ms }) => ms === 10_000)) run();
    expect(await asked).toBe(true);
    expect([reported, probed]).toEqual([[true], ["http://a.example", "http://b.example"]]);
  });

  test("stops with nothing running", async () => {
    const { watch, timers, reported, world } = watched();
    world.hangs = true;
    const asked = watch.check();
    watch.stop();
    expect(await asked).toBe(true);
    expect([timers.length, reported]).toEqual([0, []]);
  });
});
