import { GetGroupRpc, type Group, type Problem } from "@sandi/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, startRig } from "./support/rig.ts";

const own = "+6281201100001";
const creator = "+6281201100002";
const stranger = "+6281201100003";

let rig: Rig;
let sessionId: string;
beforeAll(async () => {
  rig = await startRig();
  for (const number of [creator, stranger]) rig.simulator.createPhone({ number });
  sessionId = await rig.pair(own);
});
afterAll(() => rig.close());

async function read(groupId: string, ofSession = sessionId) {
  const response = await rig.edge.rpc(GetGroupRpc.path, { sessionId: ofSession, groupId });
  return { status: response.status, body: (await response.json()) as Group & Problem };
}

const person = (number: string) => ({ phone: number, lid: `${rig.simulator.phone(number).lid}@lid` });

test("a group is described with its settings, its members and their roles", async () => {
  const { id, createdAt } = rig.simulator.createGroup(creator, {
    subject: "Warung",
    description: "Open till nine",
    participants: [own, stranger],
  });
  rig.simulator.updateGroup(creator, id, { isAnnouncement: true, isLocked: true });
  rig.simulator.changeParticipants(creator, id, { action: "promote", numbers: [own] });
  const { status, body } = await read(id);
  expect(status).toBe(200);
  expect(body).toEqual({
    id,
    subject: "Warung",
    description: "Open till nine",
    owner: person(creator),
    createdAt,
    isCommunity: false,
    settings: {
      sendMessages: "admins",
      editInfo: "admins",
      addMembers: "admins",
      approveJoins: false,
      disappearingSeconds: null,
    },
    participants: [
      { person: person(creator), role: "owner" },
      { person: person(own), role: "admin" },
      { person: person(stranger), role: "member" },
    ],
  });
  expect(GetGroupRpc.response.parse(body)).toEqual(body);
});

test("what WhatsApp does not say of a group is null, and zero seconds are no time to disappear", async () => {
  const { id } = rig.simulator.createGroup(creator, { subject: "Sparse", participants: [own] });
  rig.simulator.setFault({ kind: "sparse-group", number: own, times: 1 });
  const { status, body } = await read(id);
  expect([status, body.createdAt, body.settings?.disappearingSeconds]).toEqual([200, null, null]);
  expect((await read(id)).body.createdAt).not.toBe(null);
});

test("a group that does not exist, or that the account is not in, is not found", async () => {
  const { id } = rig.simulator.createGroup(creator, { subject: "Theirs", participants: [stranger] });
  expect(await read("120363000000000000@g.us")).toMatchObject({
    status: 404,
    body: { code: "group-not-found", whatsappCode: 404 },
  });
  expect(await read(id)).toMatchObject({ status: 404, body: { code: "group-not-found", whatsappCode: 403 } });
});

test("WhatsApp's other refusals are named, with its code", async () => {
  const { id } = rig.simulator.createGroup(creator, { subject: "Ours", participants: [own] });
  const refuse = (code: number) =>
    rig.simulator.setFault({ kind: "iq-error", number: own, xmlns: "w:g2", code, times: 1 });
  refuse(429);
  expect(await read(id)).toMatchObject({
    status: 429,
    body: { code: "whatsapp-rate-limited", whatsappCode: 429, retryAfter: 60 },
  });
  refuse(420);
  expect(await read(id)).toMatchObject({ status: 422, body: { code: "whatsapp-refused", whatsappCode: 420 } });
  expect((await read(id)).status).toBe(200);
});

test("silence of WhatsApp is no answer, and soon enough for the edge", async () => {
  const { id } = rig.simulator.createGroup(creator, { subject: "Silent", participants: [own] });
  rig.simulator.setFault({ kind: "silence", number: own });
  const asked = Date.now();
  const answer = await read(id);
  rig.simulator.clearFaults();
  expect(answer).toMatchObject({ status: 503, body: { code: "connector-unavailable", retryAfter: 2 } });
  expect(Date.now() - asked).toBeLessThan(5000);
});

test("a session that is not online cannot be asked, and one that is not known is not found", async () => {
  const stopped = newId("ses");
  await rig.setDesiredState({ sessionId: stopped, desired: "stopped" });
  await until("it is owned", async () => (await read("120363000000000000@g.us", stopped)).status === 409);
  expect((await read("120363000000000000@g.us", stopped)).body.code).toBe("session-not-online");
  expect((await read("120363000000000000@g.us", newId("ses"))).body.code).toBe("session-not-found");
  expect((await read("not a group")).body.code).toBe("invalid-request");
});

test("a session asks WhatsApp twenty times in a minute, and then refuses without asking", async () => {
  const busy = await rig.pair("+6281201100004");
  const { id } = rig.simulator.createGroup(creator, { subject: "Busy", participants: ["+6281201100004"] });
  for (let i = 0; i < 20; i++) expect((await read(id, busy)).status).toBe(200);
  const { status, body } = await read(id, busy);
  expect([status, body.code, body.whatsappCode]).toEqual([429, "whatsapp-rate-limited", undefined]);
  expect(body.retryAfter).toBeGreaterThan(0);
  expect(body.retryAfter).toBeLessThanOrEqual(60);
  expect((await read(id)).body.code).toBe("group-not-found");
});
