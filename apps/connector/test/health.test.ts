import { HealthRpc } from "@sandi/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, startRig } from "./support/rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.close());

const health = async (sessionId: string) => {
  const response = await rig.edge.rpc(HealthRpc.path, { sessionId });
  return { status: response.status, body: HealthRpc.response.safeParse(await response.json()).data };
};

test("an online session reports when the server last sent something, and how long WhatsApp takes to answer", async () => {
  const sessionId = await rig.pair("+6281200900001");
  const { status, body } = await health(sessionId);
  expect(status).toBe(200);
  expect(Date.parse(body?.heardAt ?? "")).toBeGreaterThan(Date.now() - 60_000);
  expect(body?.roundTripMs).toBeGreaterThanOrEqual(0);
  expect(body?.sending).toBe(0);
});

test("WhatsApp answers with an error as well", async () => {
  const number = "+6281200900004";
  const sessionId = await rig.pair(number);
  rig.simulator.setFault({ kind: "iq-error", number, xmlns: "encrypt", code: 429 });
  expect((await health(sessionId)).body?.roundTripMs).toBeGreaterThanOrEqual(0);
  rig.simulator.clearFaults();
});

test("what the edge does not take waits in the outbox", async () => {
  const sessionId = await rig.pair("+6281200900002");
  const to = "+6281200900003";
  rig.simulator.createPhone({ number: to });
  await rig.send(sessionId, { to, text: "first" });
  await until("everything is reported", async () => (await health(sessionId)).body?.outbox === 0);
  rig.edge.refuse = () => 503;
  await rig.send(sessionId, { to, text: "second" });
  expect((await health(sessionId)).body?.outbox).toBeGreaterThan(0);
  rig.edge.refuse = null;
});

test("a stopped session has no last contact, and an unknown session is not found", async () => {
  const sessionId = newId("ses");
  await rig.setDesiredState({ sessionId, desired: "stopped" });
  expect(await health(sessionId)).toEqual({
    status: 200,
    body: { heardAt: null, roundTripMs: null, sending: 0, outbox: expect.any(Number) as number },
  });
  expect((await health(newId("ses"))).status).toBe(404);
});
