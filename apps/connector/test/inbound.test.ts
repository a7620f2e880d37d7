import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import type { ConnectorEvent } from "@sandi/contracts";
import { expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { own, user, useLinkedSession } from "./support/linked-session.ts";
import type { Rig } from "./support/rig.ts";

const token = "0123456789ABC";

let rig: Rig;
let sessionId: string;
useLinkedSession((started) => ({ rig, sessionId } = started), { others: [user] });

type Received = Extract<ConnectorEvent, { type: "message.received" }>;
const received = () => rig.edge.events.filter((event): event is Received => event.type === "message.received");
const write = (text: string, more: { addressing?: "pn" | "lid"; forwarded?: boolean } = {}) =>
  rig.simulator.send(user, { to: own, text, ...more });
const settled = () =>
  until("all is confirmed", () => rig.simulator.phone(own).devices.every(({ queued }) => queued === 0));

/**
 * Events are delivered in order: when this one is at the edge, the earlier ones are too. Baileys keeps the order only among
 * messages of one address.
 */
async function afterwards(addressing: "pn" | "lid" = "pn"): Promise<Received[]> {
  const before = received().length;
  const last = "SV-ZZZZZZZZZZZZZ";
  await write(last, { addressing });
  await until("the last one is reported", () => received().some((event) => event.token === "ZZZZZZZZZZZZZ"));
  expect(received().length).toBeGreaterThan(before);
  return received().filter((event) => event.token !== "ZZZZZZZZZZZZZ");
}

function database<T>(work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(rig.folder, "connector.db"), { timeout: 5000 });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

test.each(["pn", "lid"] as const)("a token arrives with the phone of its sender, named by %s", async (addressing) => {
  const { at } = await write(`Please verify me: sv-${token.toLowerCase()}, thanks`, { addressing });
  expect(await afterwards(addressing)).toMatchObject([{ sessionId, from: user, token, isForwarded: false, at }]);
});

test.each([
  ["+5215512345678", "+525512345678"],
  ["+541123456789", "+5491123456789"],
  ["+556191674812", "+5561991674812"],
  ["+22961234567", "+2290161234567"],
  ["+22547123456", "+2250747123456"],
  ["+551132654321", "+551132654321"],
])("a token of %s arrives under the canonical number %s", async (registered, canonical) => {
  rig.simulator.createPhone({ number: registered });
  for (const addressing of ["pn", "lid"] as const) {
    await rig.simulator.send(registered, { to: own, text: `SV-${token}`, addressing });
  }
  await until("both are there", () => received().length === 2);
  expect(received().map(({ from }) => from)).toEqual([canonical, canonical]);
});

test("a sender with a LID only is known from earlier answers, or not at all", async () => {
  rig.simulator.setFault({ kind: "one-name", number: own });
  const stranger = "+6281300000003";
  rig.simulator.createPhone({ number: stranger });
  await rig.simulator.send(stranger, { to: own, text: `SV-${token}`, addressing: "lid" });
  await until("it is reported", () => received().length === 1);
  expect(received()).toMatchObject([{ from: null, token }]);

  await rig.send(sessionId, { to: user, code: "123456" });
  await write(`SV-${token}`, { addressing: "lid" });
  await until("it is reported", () => received().length === 2);
  expect(received()[1]).toMatchObject({ from: user, token });
});

test("a text without a token and a forwarded token are reported as such", async () => {
  await write("hello SV-123");
  await write(`SV-${token}`, { forwarded: true });
  expect(await afterwards()).toMatchObject([
    { from: user, token: null, isForwarded: false },
    { from: user, token: null, isForwarded: true },
  ]);
});

test("messages of the session's own phone are reported as such, those of another session as somebody's", async () => {
  const other = await rig.pair("+6281200000009");
  await rig.simulator.send(own, { to: user, text: `SV-${token}` });
  const messageId = await rig.send(other, { to: own, text: `my SV-${token}` });
  await until("it is read", () => rig.edge.typesOf(messageId).includes("message.read"));
  const [first, second, ...others] = await afterwards();
  expect(first).toMatchObject({ sessionId, from: null, token: null, message: { origin: "phone", type: "text" } });
  expect(second).toMatchObject({ sessionId, from: "+6281200000009", token });
  expect(others).toEqual([]);
  expect(received().filter((event) => event.sessionId === other)).toEqual([]);
});

test("messages that were written while the session was offline are reported when it is back", async () => {
  await rig.stop();
  for (let i = 0; i < 3; i++) await write(`SV-000000000000${i}`);
  expect(received()).toEqual([]);
  await rig.start();
  await until("all are reported", () => received().length === 3);
  expect(received().map((event) => event.token)).toEqual(["0000000000000", "0000000000001", "0000000000002"]);
});

test("a message that had to be resent is reported once", async () => {
  rig.simulator.setFault({ kind: "corrupt-to-companion", number: own, times: 2 });
  await write(`SV-${token}`);
  await until("it is reported", () => received().length === 1);
  expect(await afterwards()).toMatchObject([{ token }]);
  expect(rig.simulator.stats().retriesServed).toBeGreaterThan(0);
});

test("a message that cannot be stored is not acknowledged, and reported when it is redelivered", async () => {
  await write("so that there is a Signal session");
  await settled();
  database((db) =>
    db.exec(`CREATE TRIGGER refuse BEFORE INSERT ON received BEGIN SELECT raise(ABORT, 'disk full'); END`),
  );
  const { logins } = rig.simulator.stats();
  await write(`SV-${token}`);
  await until("it tries again", () => rig.simulator.stats().logins > logins);
  expect(rig.simulator.phone(own).devices[0]!.queued).toBeGreaterThan(0);
  database((db) => db.exec("DROP TRIGGER refuse"));
  await until("it is reported", () => received().some((event) => event.token === token));
  await settled();
  expect((await afterwards()).filter((event) => event.token === token)).toHaveLength(1);
});

test("a message whose Signal session could not be stored is redelivered, and reported once", async () => {
  await write("so that there is a Signal session");
  await settled();
  database((db) =>
    db.exec(`CREATE TRIGGER refuse BEFORE INSERT ON credential WHEN NEW.kind = 'session'
             BEGIN SELECT raise(ABORT, 'disk full'); END`),
  );
  const { sockets } = rig.simulator.stats();
  await write(`SV-${token}`);
  await until("it is reported", () => received().some((event) => event.token === token));
  await new Promise((resolve) => setTimeout(resolve, 300));
  database((db) => db.exec("DROP TRIGGER refuse"));
  await rig.stop();
  await rig.start();
  await until("it is back", () => rig.simulator.stats().sockets.loggedIn === sockets.loggedIn);
  expect((await afterwards()).filter((event) => event.token === token)).toHaveLength(1);
});

test("nothing readable of it lies in the database or the log while the edge is away", async () => {
  rig.edge.isDown = true;
  await write(`my private words and SV-${token}`);
  await write("other private words");
  await settled();
  const rows = database((db) => db.prepare("SELECT body FROM outbox").all() as { body: string }[]);
  const reported = rows.map(({ body }) => JSON.parse(body) as ConnectorEvent);
  expect(reported.filter(({ type }) => type === "message.received")).toMatchObject([
    { sealed: expect.stringMatching(/^v1\./) },
    { sealed: expect.stringMatching(/^v1\./) },
  ]);
  const everything = database((db) => {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
    return JSON.stringify(tables.map(({ name }) => db.prepare(`SELECT * FROM ${name}`).all()));
  });
  for (const secret of [user.slice(1), user.slice(4), token, "private words"]) {
    expect([secret, everything.includes(secret), rig.log.join("").includes(secret)]).toEqual([secret, false, false]);
  }
  rig.edge.isDown = false;
  await until("both are reported", () => received().length === 2);
  expect(received()).toMatchObject([
    { from: user, token },
    { from: user, content: { message: { content: { text: "other private words" } } } },
  ]);
});

test("an event whose key is missing is parked, and the others are delivered", async () => {
  rig.edge.isDown = true;
  await write(`SV-${token}`);
  await settled();
  database((db) => db.exec("UPDATE outbox SET body = replace(body, 'v1.store-1.', 'v1.store-0.')"));
  await write("SV-ZZZZZZZZZZZZZ");
  await settled();
  rig.edge.isDown = false;
  await until("the other is reported", () => received().length === 1);
  expect(received()).toMatchObject([{ token: "ZZZZZZZZZZZZZ" }]);
  expect(database((db) => db.prepare("SELECT count(*) AS parked FROM outbox WHERE parked_at > 0").get())).toEqual({
    parked: 1,
  });
});
