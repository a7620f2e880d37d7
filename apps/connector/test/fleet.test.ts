import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openStore, type Store } from "../src/store/store.ts";
import { findSession } from "../src/store/sessions.ts";
import { until } from "./support/fake-edge.ts";
import { type Member, startMember } from "./support/members.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

const leaseSeconds = 3;
const user = "+6281300000001";

let rig: Rig;
let store: Store;
let members: Member[];

beforeEach(async () => {
  rig = await startRig({ environment: { LEASE_SECONDS: String(leaseSeconds) } });
  await rig.stop();
  rig.edge.publicUrl = rig.environment["PUBLIC_URL"];
  store = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  members = [];
  rig.simulator.createPhone({ number: user, receipts: "read" });
});
afterEach(async () => {
  await Promise.all(members.map((member) => member.stop("SIGKILL")));
  await store.close();
  await rig.close();
});

async function start(count: number, environment: Record<string, string> = {}): Promise<void> {
  for (let i = 0; i < count; i++) members.push(await startMember(rig, `member-${i}`, environment));
  await until("each knows the others", async () => {
    const { rows } = await store.client.execute("SELECT count(*) AS members FROM member");
    return Number(rows[0]?.["members"]) >= count;
  });
}

/** QStash and the edge reach the fleet at this one. */
function through(member: Member): void {
  rig.edge.connectorUrl = member.url;
}

/** Links sessions, and delivers their jobs to each connector in turn. */
async function pair(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    through(members[i % members.length]!);
    ids.push(await rig.pair(`+62812000000${String(i).padStart(2, "0")}`));
  }
  return ids;
}

async function ownerOf(sessionId: string): Promise<Member | undefined> {
  const run = (await findSession(store, sessionId))?.ownerRun;
  return members.find(({ id }) => run?.startsWith(`${id}.`));
}

async function owners(ids: readonly string[]): Promise<string[]> {
  return Promise.all(ids.map(async (id) => (await ownerOf(id))?.id ?? "nobody"));
}

const countOf = (all: readonly string[], one: string) => all.filter((each) => each === one).length;

/** Sends with every session through one connector, and answers when all are on the phone. */
async function sendWithAll(ids: readonly string[]): Promise<void> {
  const sent = await Promise.all(
    ids.map(async (sessionId) => {
      const id = newId("msg");
      await rig.edge.accept(id, { to: user, text: `from ${sessionId}` });
      // Its session may be on its way from one connector to another.
      const often = { times: 300, pauseMs: 100 };
      expect(await rig.edge.deliverUntilDone("/jobs/send", sendJob(id, sessionId), often)).toBe(200);
      return { id };
    }),
  );
  for (const { id } of sent) {
    await until("it is read", () => rig.edge.typesOf(id).includes("message.read"));
    expect(rig.edge.typesOf(id)).toEqual(["message.sent", "message.delivered", "message.read"]);
  }
}

const credentials = async () =>
  (await store.client.execute("SELECT session_id, kind, key_id, sealed FROM credential ORDER BY 1, 2, 3")).rows;

describe("three connectors on one database", () => {
  test("share the sessions, and send what arrives at any of them", async () => {
    await start(3);
    const ids = await pair(6);
    const held = await owners(ids);
    for (const { id } of members) expect(countOf(held, id)).toBe(2);
    through(members[0]!);
    await sendWithAll(ids);
    const own = rig.simulator.messages(user).filter(({ direction }) => direction === "in");
    expect(own.map(({ text }) => text).toSorted()).toEqual(ids.map((id) => `from ${id}`).toSorted());
    expect(rig.simulator.stats().devicesWithTwoOwners).toBe(0);
  });

  test("answer a question about a session of another, and only that one's answer", async () => {
    await start(2);
    through(members[0]!);
    rig.simulator.createPhone({ number: "+6281200000009" });
    const [one, other] = [newId("ses"), newId("ses")];
    for (const sessionId of [one, other]) await rig.setDesiredState({ sessionId });
    await until("both have a connector", async () => !(await owners([one, other])).includes("nobody"));
    for (const member of members) {
      through(member);
      for (const sessionId of [one, other]) {
        const { qr } = await until("a QR code is shown", async () => {
          const answer = await rig.edge.rpc("/rpc/sessions/qr", { sessionId });
          const body = (await answer.json()) as { qr: { qr: string } | null };
          return answer.status === 200 && body.qr ? body : null;
        });
        expect(qr?.qr).toContain("linked_devices");
      }
    }
    const unsigned = await fetch(`${members[0]!.url}/rpc/sessions/qr`, {
      method: "POST",
      headers: { "content-type": "application/json", "sandi-forwarded": "1" },
      body: JSON.stringify({ sessionId: one }),
    });
    expect(unsigned.status).toBe(401);
  });

  test("share what one of them held that was killed, and every message arrives once", async () => {
    await start(3);
    const ids = await pair(6);
    const [dead, ...alive] = members as [Member, Member, Member];
    const theirs = (await owners(ids)).flatMap((owner, i) => (owner === dead.id ? [ids[i]!] : []));
    expect(theirs).toHaveLength(2);
    await dead.stop("SIGKILL");
    through(alive[0]);
    const messages = await Promise.all(
      theirs.map(async (sessionId) => {
        const id = newId("msg");
        await rig.edge.accept(id, { to: user, text: `after ${sessionId}` });
        return { id, sessionId };
      }),
    );
    const statuses = await Promise.all(
      messages.map(({ id, sessionId }) =>
        rig.edge.deliverUntilDone("/jobs/send", sendJob(id, sessionId), { times: 300, pauseMs: 100 }),
      ),
    );
    expect(statuses).toEqual([200, 200]);
    await until("they are read", () => messages.every(({ id }) => rig.edge.typesOf(id).includes("message.read")));
    const texts = rig.simulator.messages(user).map(({ text }) => text);
    for (const { sessionId } of messages) expect(countOf(texts, `after ${sessionId}`)).toBe(1);
    const held = await owners(ids);
    for (const { id } of alive) expect(countOf(held, id)).toBe(3);
    expect(rig.simulator.stats().devicesWithTwoOwners).toBe(0);
  });

  test("take over what one of them gives back on SIGTERM, and sessions move to one that joins", async () => {
    await start(2);
    const ids = await pair(6);
    const [first, second] = members as [Member, Member];
    expect(await first.stop("SIGTERM")).toBe(0);
    members.shift();
    await until("the other has them all", async () => countOf(await owners(ids), second.id) === 6);
    through(second);
    await sendWithAll(ids);
    members.push(await startMember(rig, "member-9"));
    let rounds = 1;
    for (let hasMoved = false; !hasMoved; rounds++) {
      await sendWithAll(ids);
      hasMoved = countOf(await owners(ids), "member-9") > 0;
    }
    await until("every session is online again", () => rig.simulator.stats().sockets.loggedIn === 6);
    await sendWithAll(ids);
    expect(rig.simulator.messages(user)).toHaveLength(6 * (rounds + 1));
    expect(rig.simulator.stats().devicesWithTwoOwners).toBe(0);
  });

  test("take no more than they have room for", async () => {
    await start(2, { SESSION_CAPACITY: "2" });
    through(members[0]!);
    const ids = Array.from({ length: 4 }, () => newId("ses"));
    for (const sessionId of ids) expect(await rig.setDesiredState({ sessionId })).toBe(200);
    const fifth = newId("ses");
    expect(await rig.setDesiredState({ sessionId: fifth })).toBe(503);
    const held = await owners(ids);
    for (const { id } of members) expect(countOf(held, id)).toBe(2);
    members.push(await startMember(rig, "member-2"));
    await until("the new one takes it", async () => (await ownerOf(fifth))?.id === "member-2");
  });
});

test("a connector that was frozen past its lease writes nothing, and the new owner's session keeps decrypting", async () => {
  await start(2);
  const [sessionId] = (await pair(1)) as [string];
  const number = "+6281200000000";
  const old = (await ownerOf(sessionId))!;
  const other = members.find((member) => member !== old)!;
  through(old);
  await sendWithAll([sessionId]);
  old.process.kill("SIGSTOP");
  through(other);
  await until("the other owns it", async () => (await ownerOf(sessionId)) === other);
  await until("and is online", () => rig.edge.statesOf(sessionId).at(-1) === "online");
  await sendWithAll([sessionId]);
  // What arrives now is for the new owner; a copy for the old one waits in its socket.
  await rig.simulator.send(user, { to: number, text: "before it goes on" });
  await until("it is reported", () => rig.edge.events.some(({ type }) => type === "message.received"));
  const before = await credentials();
  old.process.kill("SIGCONT");
  await until("it lets go", () => /another connector owns this session|the lease ran out/.test(old.output()));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(await credentials()).toEqual(before);
  expect((await ownerOf(sessionId))?.id).toBe(other.id);
  expect(rig.simulator.phone(number).devices[0]).toMatchObject({ connected: true });
  through(old);
  await sendWithAll([sessionId]);
  const heard = () => rig.edge.events.filter(({ type }) => type === "message.received").length;
  const already = heard();
  await rig.simulator.send(user, { to: number, text: "after it went on" });
  await until("the new owner hears it", () => heard() === already + 1);
  const { undecryptable, retriesAsked, retriesServed } = rig.simulator.stats();
  expect({ undecryptable, retriesAsked, retriesServed }).toEqual({
    undecryptable: 0,
    retriesAsked: 0,
    retriesServed: 0,
  });
});
