import { createClient } from "@libsql/client";
import type { Pacing } from "@sandi/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { leapingClock } from "./support/leaping-clock.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

const clock = leapingClock({ standsStill: true });
/** While it is set, look-ups wait for it, and a bulk message waits for codes without limit. */
let held: Promise<void> | undefined;
const patienceMs = 5000;
let rig: Rig;
let sessionId: string;
const [sender, user] = ["+6281500000001", "+6281500000002"];
beforeAll(async () => {
  rig = await startRig({
    environment: { LEASE_SECONDS: "300" },
    services: {
      now: clock.now,
      after: (ms, run) => (held && ms === patienceMs ? () => undefined : clock.after(ms, run)),
      chance: () => 0.5,
    },
    around: (open) => (options) => {
      const socket = open(options);
      return { ...socket, lookUp: (digits) => Promise.resolve(held).then(() => socket.lookUp(digits)) };
    },
  });
  sessionId = await rig.pair(sender);
  rig.simulator.createPhone({ number: user });
});
afterAll(() => rig.close());

async function accepted(text: string): Promise<string> {
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to: user, text }, 24 * 3_600_000);
  return messageId;
}
const job = (messageId: string) => sendJob(messageId, sessionId, 24 * 3_600_000, clock.now());
const bulk = (messageId: string, pacing: Pacing) =>
  rig.edge.deliver("/jobs/send", { ...job(messageId), lane: "bulk", pacing });
const shown = (prefix: string) =>
  rig.simulator.messages(user).flatMap(({ text }) => (text.startsWith(prefix) ? [text] : []));

test("fifty bulk messages wait in the queue, and a code is sent before all of them but the first", async () => {
  const ids = await Promise.all(Array.from({ length: 50 }, (_, i) => accepted(`a${i}`)));
  const due: { id: string; at: number }[] = [];
  const visit = async (id: string) => {
    const answer = await bulk(id, "normal");
    if (answer.status === 200) return;
    expect(answer.status).toBe(503);
    due.push({ id, at: clock.now().getTime() + Number(answer.headers.get("retry-after")) * 1000 });
  };
  for (const id of ids) await visit(id);
  expect(due).toHaveLength(49);
  expect(due.map(({ id }) => id)).toEqual(ids.slice(1));
  // Each has a time of its own.
  const times = due.map(({ at }) => at);
  const gaps = times.map((at, i) => at - (times[i - 1] ?? clock.now().getTime()));
  expect(gaps).toEqual(Array.from({ length: 49 }, (_, i) => (i === 44 ? 63_000 : 3000)));
  const claims = rig.edge.claims.length;
  await until("the first is there", () => shown("a").length === 1);

  const code = await accepted("a code");
  expect((await rig.edge.deliver("/jobs/send", job(code))).status).toBe(200);
  await until("the code is there", () => shown("a code").length === 1);
  expect(shown("a")).toEqual(["a0", "a code"]);
  // Nothing was claimed for those that wait.
  expect(rig.edge.claims.length).toBe(claims + 1);

  while (due.length > 0) {
    due.sort((a, b) => a.at - b.at);
    const next = due.shift()!;
    await clock.pass(Math.max(0, next.at - clock.now().getTime()));
    const visited = visit(next.id);
    // It waits out the rest of the last second.
    await clock.pass(2000);
    await visited;
  }
  await until("all are there", () => shown("a").length === 51);
  expect(shown("a")).toEqual(["a0", "a code", ...Array.from({ length: 49 }, (_, i) => `a${i + 1}`)]);
  const metrics = await rig.metrics();
  expect(metrics).toContain('sandi_paced_total{lane="bulk"} 50');
  expect(metrics).toContain('sandi_paced_total{lane="otp"} 1');
}, 120_000);

test("without pacing a code has one bulk message before it at most", async () => {
  rig.simulator.updatePhone(sender, { latencyMs: 40 });
  const ids = await Promise.all(Array.from({ length: 12 }, (_, i) => accepted(`b${i}`)));
  const deliveries = ids.map((id) =>
    rig.edge.deliverUntilDone("/jobs/send", { ...job(id), lane: "bulk", pacing: "off" }),
  );
  await until("some are there", () => shown("b").length >= 3);
  const code = await accepted("b code");
  expect((await rig.edge.deliver("/jobs/send", job(code))).status).toBe(200);
  for (const status of await Promise.all(deliveries)) expect(status).toBe(200);
  await until("all are there", () => shown("b").length === 13);
  // A bulk message is claimed when the one before it is acknowledged; whatever was claimed after the code is behind it.
  const claimed = rig.edge.claims.flatMap(({ claims }) => claims.map(({ messageId }) => messageId));
  const claimedBefore = claimed.slice(0, claimed.indexOf(code)).filter((id) => ids.includes(id));
  expect(shown("b").indexOf("b code")).toBeLessThanOrEqual(claimedBefore.length);
  expect(claimedBefore.length).toBeLessThan(12);
  rig.simulator.updatePhone(sender, { latencyMs: 0 });
});

test("a ready bulk message waits for a code that is being prepared", async () => {
  const stranger = "+6281500000003";
  rig.simulator.createPhone({ number: stranger });
  const { promise, resolve } = Promise.withResolvers<void>();
  held = promise;
  const code = newId("msg");
  await rig.edge.accept(code, { to: stranger, text: "c code" }, 3_600_000);
  const isClaimed = (id: string) =>
    rig.edge.claims.some(({ claims }) => claims.some(({ messageId }) => messageId === id));
  const coding = rig.edge.deliver("/jobs/send", job(code));
  await until("the code is claimed", () => isClaimed(code));
  const text = await accepted("c0");
  const delivering = rig.edge.deliverUntilDone("/jobs/send", { ...job(text), lane: "bulk", pacing: "off" });
  await until("the bulk message is claimed", () => isClaimed(text));
  // It would be sent before these have been answered on the same connection.
  for (let i = 0; i < 5; i++) await rig.edge.rpc("/rpc/sessions/health", { sessionId });
  expect(shown("c")).toEqual([]);
  resolve();
  expect((await coding).status).toBe(200);
  held = undefined;
  expect(await delivering).toBe(200);
  expect(shown("c")).toEqual(["c0"]);
});

async function restart(): Promise<void> {
  await rig.stop();
  const known = rig.edge.statesOf(sessionId).length;
  await rig.start();
  await until("the session is online", () => rig.edge.statesOf(sessionId).slice(known).includes("online"));
}

test("a restart forgets neither the distance to the message before it nor how many went within the day", async () => {
  const first = await accepted("d0");
  expect((await bulk(first, "off")).status).toBe(200);
  await restart();
  const careful = await bulk(await accepted("d1"), "careful");
  expect([careful.status, Number(careful.headers.get("retry-after")) >= 7]).toEqual([503, true]);

  const at = clock.now().getTime() - 3_600_000;
  const client = createClient({ url: rig.environment["LIBSQL_URL"]! });
  await client.execute({
    sql: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
      INSERT INTO ledger (message_id, session_id, wa_id, rank, created_at, is_bulk) SELECT 'msg_' || i, ?, 'W' || i, 2, ?, 1 FROM n`,
    args: [sessionId, at],
  });
  client.close();
  await restart();
  const tomorrow = await bulk(await accepted("d2"), "careful");
  expect([tomorrow.status, Number(tomorrow.headers.get("retry-after")) > 22 * 3600]).toEqual([503, true]);
  // Codes are of another lane, and never counted.
  expect((await rig.edge.deliver("/jobs/send", job(await accepted("d code")))).status).toBe(200);
});
