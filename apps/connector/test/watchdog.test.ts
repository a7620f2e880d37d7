import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createWatchdog, type Watchdog } from "../src/session/watchdog.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

describe("a watchdog", () => {
  let at: number;
  let timers: { due: number; run: () => void }[];
  let probes: number;
  let answers: boolean;
  let deaths: number;
  let onProbe: () => void;
  let watchdog: Watchdog;

  beforeEach(() => {
    [at, timers, probes, answers, deaths] = [0, [], 0, true, 0];
    onProbe = () => undefined;
    watchdog = createWatchdog({
      services: {
        now: () => new Date(at),
        after(ms, run) {
          const timer = { due: at + ms, run };
          timers.push(timer);
          return () => (timers = timers.filter((each) => each !== timer));
        },
      },
      quietMs: 1000,
    });
    const socket = {
      async probe() {
        probes++;
        onProbe();
        return answers;
      },
    };
    watchdog.watch(socket, () => deaths++);
  });

  async function pass(ms: number): Promise<void> {
    const end = at + ms;
    for (;;) {
      const [next] = timers.filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due);
      if (!next) break;
      timers = timers.filter((each) => each !== next);
      at = next.due;
      next.run();
      // The probe's answer is handled.
      await new Promise((resolve) => setImmediate(resolve));
    }
    at = end;
  }

  test("asks only when nothing was heard for a while", async () => {
    for (let i = 0; i < 10; i++) {
      await pass(600);
      watchdog.heard();
    }
    expect(probes).toBe(0);
    await pass(1000);
    expect(probes).toBe(1);
    await pass(3000);
    expect(probes).toBe(4);
    expect(deaths).toBe(0);
  });

  test("reports a socket that does not answer once, and asks no more", async () => {
    answers = false;
    await pass(5000);
    expect({ probes, deaths }).toEqual({ probes: 1, deaths: 1 });
  });

  test("a socket that receives anything else during the probe is not dead", async () => {
    answers = false;
    onProbe = () => {
      at++;
      watchdog.heard();
    };
    await pass(1500);
    expect({ probes, deaths }).toEqual({ probes: 1, deaths: 0 });
    onProbe = () => undefined;
    await pass(5000);
    expect({ probes, deaths }).toEqual({ probes: 2, deaths: 1 });
  });

  test("asks after two messages without an answer, and gives up after five though it is answered", async () => {
    watchdog.unanswered();
    expect(probes).toBe(0);
    watchdog.heard();
    watchdog.unanswered();
    expect(probes).toBe(0);
    watchdog.unanswered();
    expect(probes).toBe(1);
    await pass(1);
    for (let i = 0; i < 3; i++) watchdog.unanswered();
    expect(deaths).toBe(1);
  });

  test("ignores a socket that is closed", async () => {
    watchdog.stop();
    answers = false;
    await pass(5000);
    expect({ probes, deaths }).toEqual({ probes: 0, deaths: 0 });
  });
});

describe("a socket that answers pings and nothing else", () => {
  const own = "+6281200000001";
  const user = "+6281300000001";
  let rig: Rig;

  beforeEach(async () => {
    rig = await startRig({
      environment: { ACK_TIMEOUT_MS: "300" },
      tuning: { keepAliveIntervalMs: 200, probeMs: 300 },
    });
  });
  afterEach(() => rig.close());

  test("is replaced, and what was sent into it arrives once", async () => {
    const sessionId = await rig.pair(own);
    rig.simulator.createPhone({ number: user });
    await rig.send(sessionId, { to: user, text: "before" });
    rig.simulator.setFault({ kind: "deaf", number: own });
    const id = newId("msg");
    await rig.edge.accept(id, { to: user, text: "into the void" });
    const job = sendJob(id, sessionId);
    const delivered = rig.edge.deliverUntilDone("/jobs/send", job, { times: 300, pauseMs: 100 });
    await until("it is found out", () => rig.edge.statesOf(sessionId).includes("waiting/not_answering"));
    rig.simulator.clearFaults();
    expect(await delivered).toBe(200);
    await until("it is read", () => rig.edge.typesOf(id).includes("message.read"));
    expect(rig.simulator.messages(user).filter(({ text }) => text === "into the void")).toHaveLength(1);
    expect(await rig.metrics()).toContain('sandi_closes_total{reason="not_answering"} 1');
  });
});
