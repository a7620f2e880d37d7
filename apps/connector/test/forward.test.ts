import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { laneHeader } from "@sandi/contracts";
import { ownerAnswersMs } from "../src/fleet/forward.ts";
import { systemServices } from "../src/services.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { announceMember } from "../src/store/members.ts";
import { acquireLeases } from "../src/store/leases.ts";
import { storeDesiredState } from "../src/store/sessions.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { addressesOf, someAddresses } from "./support/addresses.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig, workspaceId } from "./support/rig.ts";

/** Takes requests, and never answers. */
const frozen = 0;

interface Heard {
  path: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

let rig: Rig;
let store: Store;
let heard: Heard[];
/** Another connector of the same database, as far as the network shows it. */
let owner: Awaited<ReturnType<typeof startOwner>>;
/** Timers of requests that wait for the other connector, to fire its time-out. */
let waiting: Set<() => void>;
let answer: { status: number; headers: Record<string, string>; body: string };

async function startOwner() {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      heard.push({ path: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (answer.status === frozen) return;
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

beforeEach(async () => {
  heard = [];
  waiting = new Set();
  answer = { status: 200, headers: { "content-type": "application/json" }, body: '{"status":"done"}' };
  [rig, owner] = await Promise.all([startRig({ services: { after } }), startOwner()]);
  store = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  await announce(addressesOf(rig.edge.keys.store).seal("other.1", owner.url, inAWhile));
});
afterEach(async () => {
  await store.close();
  await Promise.all([rig.close(), owner.close()]);
});

function after(ms: number, fire: () => void): () => void {
  if (ms !== ownerAnswersMs) return systemServices.after(ms, fire);
  waiting.add(fire);
  return () => void waiting.delete(fire);
}

const inAWhile = new Date(Date.now() + 600_000);

/** The other one's row. */
async function announce(url: string) {
  const member = { owner: "other", run: "other.1", url, capacity: 10, isDraining: false, kids: ["k1"] };
  await announceMember(store, member, { until: inAWhile, forgetBefore: new Date(0) });
}

/** A session that the other one owns. */
async function theirs(): Promise<string> {
  const sessionId = newId("ses");
  const now = new Date();
  await storeDesiredState(store, { sessionId, workspaceId, desired: "running", revision: 1 }, now);
  const lease = { owner: "other", run: "other.1", now, leaseMs: 600_000, includeOwn: false, limit: 1, sessionId };
  expect(await acquireLeases(store, lease)).toHaveLength(1);
  return sessionId;
}

const counted = async () =>
  (await rig.metrics()).split("\n").filter((line) => line.startsWith("sandi_forwarded_total{"));

test("a job is forwarded unchanged to the session's owner, and the owner's answer is returned", async () => {
  const job = sendJob(newId("msg"), await theirs());
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  answer.headers["x-request-id"] = "req_of_the_owner";
  const response = await rig.edge.deliver("/jobs/send", job, {
    headers: { traceparent, "upstash-retried": "3", [laneHeader]: "normal" },
  });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: "done" });
  expect(response.headers.get("x-request-id")).toBe("req_of_the_owner");
  expect(heard).toHaveLength(1);
  expect(heard[0]).toMatchObject({ path: "/jobs/send", body: JSON.stringify(job) });
  expect(heard[0]!.headers).toMatchObject({
    traceparent,
    "upstash-retried": "3",
    "sandi-forwarded": "1",
    [laneHeader]: "normal",
  });
  expect(heard[0]!.headers["upstash-signature"]).toMatch(/^ey/);
  expect(await counted()).toEqual(['sandi_forwarded_total{kind="send",result="done"} 1']);
});

test("a call of the edge is forwarded with its token, and a refusal there is the answer here", async () => {
  const sessionId = await theirs();
  answer = {
    status: 409,
    headers: { "content-type": "application/problem+json", "retry-after": "7" },
    body: '{"code":"session-not-pairing"}',
  };
  const response = await rig.edge.rpc("/rpc/sessions/qr", { sessionId });
  expect([response.status, response.headers.get("retry-after"), await response.text()]).toEqual([
    409,
    "7",
    '{"code":"session-not-pairing"}',
  ]);
  expect(heard[0]!.headers.authorization).toMatch(/^Bearer ey/);
  expect(await counted()).toEqual(['sandi_forwarded_total{kind="rpc",result="refused"} 1']);
});

test("nothing is forwarded twice, nor before it is verified", async () => {
  const job = sendJob(newId("msg"), await theirs());
  const again = await rig.edge.deliver("/jobs/send", job, { headers: { "sandi-forwarded": "1" } });
  expect([again.status, again.headers.get("retry-after")]).toEqual([503, "2"]);
  for (const headers of [{}, { "sandi-forwarded": "1" }]) {
    const forged = await rig.edge.deliver("/jobs/send", job, { tamper: true, headers });
    expect(forged.status).toBe(401);
  }
  expect(heard).toEqual([]);
});

test("an owner that cannot be reached is asked for again later", async () => {
  const sessionId = await theirs();
  await owner.close();
  const response = await rig.edge.deliver("/jobs/send", sendJob(newId("msg"), sessionId));
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
  expect(await response.json()).toMatchObject({ code: "connector-unavailable", retryAfter: 2 });
  expect(await counted()).toEqual(['sandi_forwarded_total{kind="send",result="unreachable"} 1']);
});

test("jobs and calls wait for a frozen owner no longer than the edge waits", async () => {
  const sessionId = await theirs();
  answer.status = frozen;
  const job = rig.edge.deliver("/jobs/send", sendJob(newId("msg"), sessionId));
  const question = rig.edge.rpc("/rpc/sessions/qr", { sessionId });
  await until("both wait", () => heard.length === 2 && waiting.size === 2);
  for (const fire of waiting) fire();
  for (const response of await Promise.all([job, question])) {
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(await response.json()).toMatchObject({ code: "connector-unavailable", retryAfter: 2 });
  }
  expect(ownerAnswersMs).toBeLessThan(5_000);
  // An answer ends the waiting.
  answer.status = 200;
  expect((await rig.edge.deliver("/jobs/send", sendJob(newId("msg"), sessionId))).status).toBe(200);
  expect(waiting.size).toBe(0);
});

test("an action whose owner does not answer may have happened", async () => {
  const sessionId = await theirs();
  await owner.close();
  const action = { sessionId, messageId: newId("msg"), actionId: "an-action-of-a-test", emoji: "👍" };
  const response = await rig.edge.rpc("/rpc/messages/react", action);
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([504, "outcome-unknown"]);
});

test("no call goes to an address that somebody else wrote into the database", async () => {
  const own = addressesOf(rig.edge.keys.store);
  await rig.pair("+6281200000001");
  for (const forged of [
    owner.url,
    someAddresses(() => new Date()).seal("other.1", owner.url, inAWhile),
    own.seal("another.1", owner.url, inAWhile),
    own.seal("other.1", owner.url, new Date()),
  ]) {
    await announce(forged);
    const sessionId = await theirs();
    expect((await rig.edge.deliver("/jobs/send", sendJob(newId("msg"), sessionId))).status).toBe(503);
    expect((await rig.edge.rpc("/rpc/sessions/qr", { sessionId })).status).toBe(503);
    // Nor is such a connector one that a new session could be placed with.
    expect(await rig.setDesiredState({ sessionId: newId("ses") })).toBe(200);
  }
  expect(heard).toEqual([]);
});

test("a new session goes to the connector with the most free capacity, and stays here when that one does not answer", async () => {
  // Of two that are empty, the asked one takes it.
  await rig.pair("+6281200000001");
  const [there, here] = [newId("ses"), newId("ses")];
  expect(await rig.setDesiredState({ sessionId: there })).toBe(200);
  expect(heard.map(({ path, body }) => [path, (JSON.parse(body) as { sessionId: string }).sessionId])).toEqual([
    ["/jobs/session", there],
  ]);
  await owner.close();
  expect(await rig.setDesiredState({ sessionId: here })).toBe(200);
  expect((await store.client.execute({ sql: "SELECT owner FROM session WHERE id = ?", args: [here] })).rows[0]).toEqual(
    expect.objectContaining({ owner: "test" }),
  );
  expect(await counted()).toEqual([
    'sandi_forwarded_total{kind="session",result="done"} 1',
    'sandi_forwarded_total{kind="session",result="unreachable"} 1',
  ]);
});
