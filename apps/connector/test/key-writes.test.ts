import { afterEach, expect, test } from "vitest";
import { openStore } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { type Rig, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const people = ["+6281300000001", "+6281300000002", "+6281300000003"];
const dayMs = 86_400_000;
let rig: Rig;
let aheadMs = 0;
afterEach(async () => {
  aheadMs = 0;
  await rig.close();
});

async function start(): Promise<string> {
  rig = await startRig({ services: { chance: () => 0, now: () => new Date(Date.now() + aheadMs) } });
  for (const number of people) rig.simulator.createPhone({ number, receipts: "delivered" });
  return rig.pair(own);
}

async function writeToAll(sessionId: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    for (const to of people) await rig.send(sessionId, { to, code: "123456" });
    // Tokens are issued behind the messages, and noted when WhatsApp has answered.
    await until("each token is noted", async () => (await tokensKept()) === people.length);
    // Another one would be issued now.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function restart(): Promise<void> {
  await rig.stop();
  await rig.start();
  await until("it is back", () => rig.simulator.phone(own).devices[0]!.connected);
}

async function tokensKept(): Promise<number> {
  const store = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  const { rows } = await store.client.execute("SELECT count(*) AS kept FROM credential WHERE kind = 'tctoken'");
  await store.close();
  return Number(rows[0]?.["kept"]);
}

test("a privacy token is issued once to each contact, over a restart as well", async () => {
  const sessionId = await start();
  await writeToAll(sessionId, 4);
  expect(rig.simulator.stats().tokensIssued).toBe(people.length);
  await restart();
  await writeToAll(sessionId, 2);
  expect(rig.simulator.stats().tokensIssued).toBe(people.length);
});

test("what is noted of tokens is a row per contact, and is forgotten when no token is good any more", async () => {
  const sessionId = await start();
  await writeToAll(sessionId, 1);
  await until("they are noted", async () => (await tokensKept()) === people.length);
  aheadMs = 27 * dayMs;
  await restart();
  expect(await tokensKept()).toBe(people.length);
  aheadMs = 29 * dayMs;
  await restart();
  await until("they are forgotten", async () => (await tokensKept()) === 0);
});

test("identities are stored even when the message that they were learned for is not sent", async () => {
  const sessionId = await start();
  rig.simulator.setFault({ kind: "tampered-bundle", number: people[0]! });
  await rig.send(sessionId, { to: people[0]!, code: "123456" });
  const store = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  const { rows } = await store.client.execute("SELECT count(*) AS kept FROM credential WHERE kind = 'lid-mapping'");
  await store.close();
  // Both ways, of the account itself and of the recipient.
  expect(Number(rows[0]?.["kept"])).toBe(4);
});
