import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { qrOf, type Rig, startRig } from "./support/rig.ts";

const [x, y, user] = ["+6281200000001", "+6281200000009", "+6281200000002"];
let rig: Rig;
let sessionId: string;
beforeAll(async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  rig.simulator.createPhone({ number: user });
  rig.simulator.createPhone({ number: y });
  sessionId = await rig.pair(x);
});
afterAll(() => rig.close());

const counts = [
  ...["chat", "look_up", "received", "sender_limits"].map((table) => `count(*) AS n FROM ${table}`),
  "count(sealed) AS n FROM ledger",
];
/** How many rows of each kind the session has, and how many texts it would send again. */
function known(): number[] {
  const db = new DatabaseSync(join(rig.folder, "connector.db"), { readOnly: true });
  try {
    return counts.map((count) => Number(db.prepare(`SELECT ${count} WHERE session_id = ?`).get(sessionId)!["n"]));
  } finally {
    db.close();
  }
}

const online = () => rig.edge.statesOf(sessionId).filter((state) => state === "online").length;

async function unlink(): Promise<void> {
  rig.simulator.setFault({ kind: "device-removed" });
  await until("it is out", () => rig.edge.statesOf(sessionId).at(-1) === "ended/logged_out");
}

async function link(number: string): Promise<void> {
  const before = online();
  await rig.wish({ sessionId });
  await until("a QR code is scanned", async () => {
    const qr = await qrOf(rig, sessionId);
    return qr !== null && (await rig.simulator.scan(number, qr).catch(() => null)) !== null;
  });
  await until("it is online", () => online() > before);
}

test("the same account that links again knows whom it knew; another account knows nobody", async () => {
  await rig.simulator.send(user, { to: x, text: "hello" });
  await rig.send(sessionId, { to: user, code: "515151" });
  await until("all of it is stored", () => known().every((count) => count > 0));
  const before = known();
  await unlink();
  await link(x);
  await until("the limits are read", () => known()[3] === 1);
  expect(known()).toEqual(before);

  await unlink();
  await rig.stop();
  await rig.start();
  await link(y);
  await until("the limits of the new account are read", () => known()[3] === 1);
  expect(known()).toEqual([0, 0, 0, 1, 0]);
  const phones = rig.edge.events.flatMap((event) =>
    event.type === "session.state" && event.state === "online" ? [event.phone] : [],
  );
  expect(phones).toEqual([x, x, y]);
});
