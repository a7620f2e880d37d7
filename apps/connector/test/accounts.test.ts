import { ReachabilityRpc } from "@sandi/contracts";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { accountTables } from "../src/store/account.ts";
import { until } from "./support/fake-edge.ts";
import { qrOf, type Rig, startRig } from "./support/rig.ts";

const [x, y] = ["+6281200000001", "+6281200000009"];
const [user, stranger] = ["+6281200000002", "+6281200000003"];
let rig: Rig;
let sessionId: string;
beforeAll(async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  for (const number of [y, user, stranger]) rig.simulator.createPhone({ number });
  sessionId = await rig.pair(x);
});
afterAll(() => rig.close());

/** How many rows of each kind the session has of its account, and how many texts it would send again. */
function known(): Record<string, number> {
  const db = new DatabaseSync(join(rig.folder, "connector.db"), { readOnly: true });
  const count = (what: string, table: string) =>
    Number(db.prepare(`SELECT count(${what}) AS n FROM ${table} WHERE session_id = ?`).get(sessionId)!["n"]);
  try {
    const ofTables = accountTables.map((table) => [table, count("*", table)] as const);
    return { ...Object.fromEntries(ofTables), texts: count("sealed", "ledger") };
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
  await rig.setDesiredState({ sessionId });
  await until("a QR code is scanned", async () => {
    const qr = await qrOf(rig, sessionId);
    return qr !== null && (await rig.simulator.scan(number, qr).catch(() => null)) !== null;
  });
  await until("it is online", () => online() > before);
}

test("the same account keeps its chats when it links again; another account starts without", async () => {
  await rig.simulator.send(user, { to: x, text: "SV-0123456789ABC" });
  await rig.send(sessionId, { to: stranger, code: "515151" });
  rig.simulator.setFault({ kind: "usync-error", at: "result", code: 429, backoff: 3600 });
  await rig.edge.rpc(ReachabilityRpc.path, { sessionId, numbers: [y] });
  rig.simulator.clearFaults();
  await until("all of it is stored", () => Object.values(known()).every((count) => count > 0));
  const before = known();
  await unlink();
  await link(x);
  await until("the limits are read", () => known()["sender_limits"] === 1);
  expect(known()).toEqual(before);

  await unlink();
  await rig.stop();
  await rig.start();
  await link(y);
  await until("the limits of the new account are read", () => known()["sender_limits"] === 1);
  const nothing = Object.fromEntries(Object.keys(before).map((kind) => [kind, 0]));
  expect(known()).toEqual({ ...nothing, sender_limits: 1 });
  const phones = rig.edge.events.flatMap((event) =>
    event.type === "session.state" && event.state === "online" ? [event.phone] : [],
  );
  expect(phones).toEqual([x, x, y]);
});
