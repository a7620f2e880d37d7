import { HealthRpc, QrRpc, ReachabilityRpc } from "@sandi/contracts";
import { createTokenSigner, webRandom } from "@sandi/crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { startMember } from "./support/members.ts";
import { type Rig, startRig } from "./support/rig.ts";

const own = "+6281200000001";
let rig: Rig;
let sessionId: string;
beforeEach(async () => {
  rig = await startRig({ environment: { LEASE_SECONDS: "2" } });
  sessionId = await rig.pair(own);
});
afterEach(() => rig.close());

/** A call of the edge, as somebody between the two could record it. */
async function recorded(path: string, value: object) {
  const request = { method: "POST", path, body: JSON.stringify(value) };
  const { privateJwk } = rig.edge.keys.edge;
  const ours = { issuer: "sandi-edge", audience: "sandi-connector", now: () => new Date(), random: webRandom };
  const token = await createTokenSigner({ privateJwk, ...ours })(request);
  return () => rig.edge.rpc(path, value, token);
}

const questions = () => [
  recorded(QrRpc.path, { sessionId }),
  recorded(ReachabilityRpc.path, { sessionId, numbers: [own] }),
];
const statuses = (calls: (() => Promise<Response>)[]) => Promise.all(calls.map(async (call) => (await call()).status));

test("a call is answered once, also when its connector restarts meanwhile", async () => {
  const calls = await Promise.all(questions());
  expect(await statuses(calls)).toEqual([200, 200]);
  expect(await statuses(calls)).toEqual([401, 401]);
  await rig.stop();
  await rig.start();
  await until("the session is back", async () => (await rig.edge.rpc(QrRpc.path, { sessionId })).status === 200);
  expect(await statuses(calls)).toEqual([401, 401]);
});

test("a call that one connector answered is not answered by the next owner of its session", async () => {
  const calls = await Promise.all(questions());
  expect(await statuses(calls)).toEqual([200, 200]);
  const next = await startMember(rig, "next");
  try {
    await rig.stop();
    rig.edge.publicUrl = rig.edge.connectorUrl;
    rig.edge.connectorUrl = next.url;
    await until("the next has it", async () => (await rig.edge.rpc(QrRpc.path, { sessionId })).status === 200);
    expect(await statuses(calls)).toEqual([401, 401]);
  } finally {
    await next.stop("SIGTERM");
  }
});

test("harmless calls are answered while the database accepts no writes, and expired tokens are deleted", async () => {
  const store = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  try {
    await store.client.execute(
      "CREATE TRIGGER full BEFORE INSERT ON spent_token BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    expect((await rig.edge.rpc(HealthRpc.path, { sessionId })).status).toBe(200);
    expect((await rig.edge.rpc(QrRpc.path, { sessionId })).status).toBe(500);
    await store.client.execute("DROP TRIGGER full");
    await store.client.execute("INSERT INTO spent_token (jti, until) VALUES ('old', 1)");
    await rig.stop();
    await rig.start();
    await until("it is swept", async () => {
      const { rows } = await store.client.execute("SELECT 1 FROM spent_token WHERE jti = 'old'");
      return rows.length === 0;
    });
  } finally {
    await store.close();
  }
});
