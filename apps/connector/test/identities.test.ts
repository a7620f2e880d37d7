import type { ConnectorEvent } from "@sandi/contracts";
import { createKeyRing, generateKeyText, webRandom } from "@sandi/crypto";
import { afterEach, expect, test } from "vitest";
import { nodeAtRest } from "@sandi/crypto/node";
import { createIdentities } from "../src/store/identities.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, startRig } from "./support/rig.ts";

const [own, other, user] = ["+6281200000001", "+6281200000002", "+6281300000001"] as const;
const token = "0123456789ABC";
const pseudonym = (text: string) => `p${text}`;
let rig: Rig | undefined;
let store: Store | undefined;
afterEach(async () => {
  await store?.close();
  await rig?.close();
  [rig, store] = [undefined, undefined];
});

type Received = Extract<ConnectorEvent, { type: "message.received" }>;
const received = ({ edge }: Rig) => edge.events.filter((event): event is Received => event.type === "message.received");

/** Writes under the LID only; returns the reported event. */
async function writeHidden({ simulator, edge }: Rig, from: string, to: string): Promise<Received> {
  simulator.setFault({ kind: "one-name", number: to });
  const before = received({ edge } as Rig).length;
  await simulator.send(from, { to, text: `SV-${token}`, addressing: "lid" });
  return until("it is reported", () => received({ edge } as Rig)[before]);
}

test("a person with a LID only is known from another session's answer, also after a restart", async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  rig.simulator.createPhone({ number: user });
  const [first, second] = [await rig.pair(own), await rig.pair(other)];
  await rig.send(first, { to: user, code: "123456" });
  expect(await writeHidden(rig, user, other)).toMatchObject({ sessionId: second, from: user });
  await rig.stop();
  await rig.start();
  await until("it is back", () => rig!.simulator.phone(other).devices[0]!.connected);
  expect(await writeHidden(rig, user, other)).toMatchObject({ sessionId: second, from: user });

  store = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  const rows = JSON.stringify((await store.client.execute("SELECT * FROM identity")).rows);
  const { lid } = rig.simulator.phone(user);
  expect([rows.includes("sealed_pn"), rows.includes(user.slice(1)), rows.includes(lid)]).toEqual([true, false, false]);
});

test("the identity in a sender's stanza to one session is known to the other session", async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  rig.simulator.createPhone({ number: user });
  await rig.pair(own);
  await rig.pair(other);
  await rig.simulator.send(user, { to: own, text: "hello", addressing: "lid" });
  await until("it is reported", () => received(rig!).length === 1);
  expect(await writeHidden(rig, user, other)).toMatchObject({ from: user });
});

test("identities are not shared between workspaces", async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  rig.simulator.createPhone({ number: user });
  const first = await rig.pair(own);
  const second = await rig.pair(other, newId("ws"));
  await rig.send(first, { to: user, code: "123456" });
  expect(await writeHidden(rig, user, other)).toMatchObject({ sessionId: second, from: null });
});

test("what an account's own phone claims in its history is believed for that account alone", async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  for (const number of [own, user]) rig.simulator.createPhone({ number });
  await rig.simulator.send(own, { to: user, text: "from the phone itself" });
  const first = await rig.pair(own);
  const second = await rig.pair(other);
  expect(await writeHidden(rig, user, own)).toMatchObject({ sessionId: first, from: user });
  expect(await writeHidden(rig, user, other)).toMatchObject({ sessionId: second, from: null });
});

test("a receipt by LID finds its message after a restart", async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  rig.simulator.createPhone({ number: user, receipts: "delivered", addressing: "lid" });
  const sessionId = await rig.pair(own);
  rig.simulator.updatePhone(user, { online: false });
  const messageId = await rig.send(sessionId, { to: user, text: "later" });
  await rig.stop();
  store = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  // Nothing but the identity ties the LID to the number that was written to.
  await store.client.batch(
    ["DELETE FROM credential WHERE kind = 'lid-mapping'", "UPDATE ledger SET chat_lid = 'somebody else'"],
    "write",
  );
  await rig.start();
  await until("it is back", () => rig!.simulator.phone(own).devices[0]!.connected);
  rig.simulator.setFault({ kind: "one-name", number: own });
  rig.simulator.updatePhone(user, { online: true });
  await until("it is delivered", () => rig!.edge.typesOf(messageId).length === 2);
  expect(rig.edge.typesOf(messageId)).toEqual(["message.sent", "message.delivered"]);
});

test("a number with a new owner is no longer known for the earlier owner", async () => {
  store = await openStore({ url: "file::memory:", authToken: undefined }, new Date());
  const atRest = nodeAtRest(createKeyRing(generateKeyText("k1", webRandom)), "connector", webRandom);
  const opened = store;
  const services = { now: () => new Date() };
  const open = (workspaceId = "ws_a") => createIdentities({ store: opened, pseudonym, atRest, services })(workspaceId);
  const [identities, pn] = [open(), "628@s.whatsapp.net"];
  await identities.learned([{ lid: "1@lid", pn }]);
  expect(await open().pnOf("1@lid")).toBe(pn);
  await identities.learned([{ lid: "2@lid", pn }]);
  expect([await open().pnOf("1@lid"), await open().pnOf("2@lid")]).toEqual([null, pn]);
  expect(await open("ws_b").pnOf("2@lid")).toBeNull();
  // In the memory that knew the first one, too.
  expect(await identities.pnOf("1@lid")).toBeNull();
});
