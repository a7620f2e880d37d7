import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { qrOf, type Rig, startRig } from "./support/rig.ts";

let rig: Rig;
const versions: string[] = [];
beforeAll(async () => {
  rig = await startRig({
    services: {
      // Every back-off is over at once.
      chance: () => 0,
      async fetchVersion() {
        const asked = versions.push("asked");
        return [2, 3000, 1_099_999_000 + asked];
      },
    },
    tuning: { keepAliveIntervalMs: 300, qrTimeoutMs: 150 },
  });
});
afterAll(() => rig.close());

let numbers = 100;
const nextNumber = () => `+6281200000${++numbers}`;

/** What was reported since the session was online first. */
async function after(sessionId: string, count: number): Promise<string[]> {
  const news = () => {
    const states = rig.edge.statesOf(sessionId);
    return states.slice(states.indexOf("online") + 1);
  };
  await until(`there are ${count} reports, after ${JSON.stringify(news())}`, () => news().length >= count).catch(
    () => undefined,
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  return news();
}

async function paired() {
  const number = nextNumber();
  const sessionId = await pairFast(number);
  return { number, sessionId };
}

/** QR codes live 150 ms here, so the scan must take the newest. */
async function pairFast(number: string): Promise<string> {
  const { newId } = await import("./support/rig.ts");
  rig.simulator.createPhone({ number });
  const sessionId = newId("ses");
  await rig.setDesiredState({ sessionId });
  await until("a QR code is scanned", async () => {
    const qr = await qrOf(rig, sessionId);
    return (
      qr !== null &&
      (await rig.simulator.scan(number, qr).then(
        () => true,
        () => false,
      ))
    );
  });
  await until("the session is online", () => rig.edge.statesOf(sessionId).at(-1) === "online");
  return sessionId;
}

describe("each close has the effect that the table names", () => {
  test.each([
    ["515", { kind: "stream-error", code: 515 }, ["connecting/restart_required", "online"]],
    [
      "428 by the stream's end",
      { kind: "stream-end" },
      ["waiting/connection_lost", "connecting/connection_lost", "online"],
    ],
    ["428 by a cut line", { kind: "drop" }, ["waiting/connection_lost", "connecting/connection_lost", "online"]],
    [
      "503",
      { kind: "stream-error", code: 503 },
      ["waiting/server_unavailable", "connecting/server_unavailable", "online"],
    ],
    [
      "500",
      { kind: "stream-error", code: 500 },
      ["waiting/server_unavailable", "connecting/server_unavailable", "online"],
    ],
    ["411", { kind: "downgrade" }, ["waiting/bad_session", "connecting/bad_session", "online"]],
    ["440", { kind: "replaced" }, ["ended/replaced"]],
    ["401", { kind: "device-removed" }, ["ended/logged_out"]],
  ] as const)("%s", async (_name, fault, expected) => {
    const { number, sessionId } = await paired();
    rig.simulator.setFault({ ...fault, number });
    expect(await after(sessionId, expected.length)).toEqual(expected);
  });

  test("500 three times in a row", async () => {
    const { number, sessionId } = await paired();
    const news = ["waiting/server_unavailable", "connecting/server_unavailable", "online"];
    const last = ["waiting/bad_session", "connecting/bad_session", "online"];
    for (const [i, expected] of [news, [...news, ...news], [...news, ...news, ...last]].entries()) {
      rig.simulator.setFault({ kind: "stream-error", code: 500, number });
      expect([i, await after(sessionId, expected.length)]).toEqual([i, expected]);
    }
  });

  test("408 when nothing answers", async () => {
    const { number, sessionId } = await paired();
    const { id } = rig.simulator.setFault({ kind: "no-pong", number });
    await until("it is noticed", () => rig.edge.statesOf(sessionId).includes("waiting/connection_timed_out"), 15_000);
    rig.simulator.clearFaults(id);
    await until("it is back", () => rig.edge.statesOf(sessionId).at(-1) === "online", 15_000);
    expect(rig.edge.statesOf(sessionId).at(-2)).toBe("connecting/connection_timed_out");
  });

  test.each([
    [401, ["connecting/connection_lost", "ended/logged_out"]],
    [403, ["connecting/connection_lost", "ended/banned"]],
    [503, ["connecting/connection_lost", "waiting/server_unavailable", "connecting/server_unavailable", "online"]],
    [405, ["connecting/connection_lost", "waiting/version_refused", "connecting/version_refused", "online"]],
    [400, ["connecting/connection_lost", "waiting/login_refused", "connecting/login_refused", "online"]],
    [402, ["connecting/connection_lost", "ended/banned_for_a_time"]],
    [415, ["connecting/connection_lost", "ended/account_not_found"]],
    [418, ["connecting/connection_lost", "waiting/version_refused", "connecting/version_refused", "online"]],
    [501, ["connecting/connection_lost", "waiting/login_refused", "connecting/login_refused", "online"]],
    [499, ["connecting/connection_lost", "waiting/login_refused", "connecting/login_refused", "online"]],
  ])("a login refused with %s", async (reason, expected) => {
    const { number, sessionId } = await paired();
    rig.simulator.setFault({ kind: "login-failure", number, reason, times: 1 });
    rig.simulator.setFault({ kind: "drop", number });
    expect((await after(sessionId, expected.length + 1)).slice(1)).toEqual(expected);
  });

  test("an HTTP answer in place of the WebSocket is no logout, whatever its status", async () => {
    const { number, sessionId } = await paired();
    rig.simulator.setFault({ kind: "http-answer", status: 401, times: 1 });
    rig.simulator.setFault({ kind: "drop", number });
    const expected = [
      "connecting/connection_lost",
      "waiting/server_unavailable",
      "connecting/server_unavailable",
      "online",
    ];
    expect((await after(sessionId, expected.length + 1)).slice(1)).toEqual(expected);
  });

  test("a server that always asks for a new connection gets growing delays", async () => {
    const { number, sessionId } = await paired();
    const online = () => rig.edge.statesOf(sessionId).filter((state) => state === "online").length;
    for (const count of [2, 3, 4]) {
      rig.simulator.setFault({ kind: "stream-error", code: 515, number });
      await until("it is back", () => online() === count);
    }
    // The link itself was the first time.
    expect(rig.edge.statesOf(sessionId).filter((state) => state === "waiting/restart_required")).toHaveLength(2);
  });

  test("a version refused again ends", async () => {
    const { number, sessionId } = await paired();
    rig.simulator.setFault({ kind: "login-failure", number, reason: 405, times: 2 });
    rig.simulator.setFault({ kind: "drop", number });
    await until("it ends", () => rig.edge.statesOf(sessionId).at(-1) === "ended/version_refused");
    expect(versions.length).toBeGreaterThan(0);
  });

  test("used up QR codes stop the session until new ones are requested", async () => {
    const { newId } = await import("./support/rig.ts");
    const sessionId = newId("ses");
    await rig.setDesiredState({ sessionId });
    await until("it stops", () => rig.edge.statesOf(sessionId).at(-1) === "stopped/pairing_timed_out");
    await rig.setDesiredState({ sessionId });
    await until("it shows codes again", () => rig.edge.statesOf(sessionId).at(-1) === "pairing");
    await rig.setDesiredState({ sessionId, desired: "stopped" });
    await until("it stops", () => rig.edge.statesOf(sessionId).at(-1) === "stopped/requested");
    expect(rig.simulator.waiting()).toBe(0);
  });
});

describe("stanzas that do not fit the state", () => {
  test("a success to an unlinked device is no login, and the session can be linked afterwards", async () => {
    const { newId } = await import("./support/rig.ts");
    const sessionId = newId("ses");
    await rig.setDesiredState({ sessionId });
    await until("it shows codes", () => rig.edge.statesOf(sessionId).at(-1) === "pairing");
    rig.simulator.setFault({ kind: "out-of-turn", says: "success" });
    await until("it is refused", () => rig.edge.statesOf(sessionId).includes("waiting/unexpected_answer"));
    expect(rig.edge.statesOf(sessionId)).not.toContain("online");
    const number = nextNumber();
    rig.simulator.createPhone({ number });
    await until("a QR code is scanned", async () => {
      const qr = await qrOf(rig, sessionId);
      return qr !== null && (await rig.simulator.scan(number, qr).catch(() => null)) !== null;
    });
    await until("it is online", () => rig.edge.statesOf(sessionId).at(-1) === "online");
    const states = rig.edge.events.filter((event) => event.type === "session.state" && event.sessionId === sessionId);
    expect(new Set(states.map((event) => "phone" in event && event.phone))).toEqual(new Set([null, number]));
  });

  test.each(["pair-device", "pair-success"] as const)(
    "%s to a linked device costs it the connection only",
    async (says) => {
      const { number, sessionId } = await paired();
      rig.simulator.setFault({ kind: "out-of-turn", says, number });
      const expected = ["waiting/unexpected_answer", "connecting/unexpected_answer", "online"];
      expect(await after(sessionId, expected.length)).toEqual(expected);
      expect(rig.simulator.phone(number).devices).toMatchObject([{ connected: true }]);
    },
  );

  test("a second success changes nothing", async () => {
    const { number, sessionId } = await paired();
    rig.simulator.setFault({ kind: "out-of-turn", says: "success", number });
    expect(await after(sessionId, 0)).toEqual([]);
    const user = nextNumber();
    rig.simulator.createPhone({ number: user });
    const messageId = await rig.send(sessionId, { to: user, code: "424242" });
    await until("it is sent", () => rig.edge.typesOf(messageId).includes("message.sent"));
    expect(rig.edge.statesOf(sessionId).at(-1)).toBe("online");
  });
});

test("a logout deletes the credentials, a ban keeps them", async () => {
  const { createClient } = await import("@libsql/client");
  const client = createClient({ url: rig.environment["LIBSQL_URL"]! });
  const storedRows = async (sessionId: string) =>
    Number(
      (await client.execute({ sql: "SELECT count(*) AS n FROM credential WHERE session_id = ?", args: [sessionId] }))
        .rows[0]!["n"],
    );
  const out = await paired();
  const ban = await paired();
  expect(await storedRows(out.sessionId)).toBeGreaterThan(800);
  rig.simulator.setFault({ kind: "device-removed", number: out.number });
  rig.simulator.setFault({ kind: "login-failure", number: ban.number, reason: 403, times: 1 });
  rig.simulator.setFault({ kind: "drop", number: ban.number });
  await until("both have ended", () =>
    [out, ban].every(({ sessionId }) => rig.edge.statesOf(sessionId).at(-1)!.startsWith("ended")),
  );
  expect(await storedRows(out.sessionId)).toBe(0);
  expect(await storedRows(ban.sessionId)).toBeGreaterThan(800);
  client.close();
});

test("desired states stop, restart, log out and delete a session", async () => {
  const { number, sessionId } = await paired();
  await rig.setDesiredState({ sessionId, desired: "stopped" });
  await until("it stops", () => rig.edge.statesOf(sessionId).at(-1) === "stopped/requested");
  expect(rig.simulator.phone(number).devices[0]!.connected).toBe(false);
  await rig.setDesiredState({ sessionId });
  await until("it runs", () => rig.edge.statesOf(sessionId).at(-1) === "online");
  expect(await rig.setDesiredState({ sessionId, desired: "stopped", revision: 1 })).toBe(200);
  await rig.setDesiredState({ sessionId, revision: 10 });
  await until(
    "it has restarted",
    () => rig.edge.statesOf(sessionId).filter((state) => state === "online").length === 3,
  );
  await rig.setDesiredState({ sessionId, desired: "logged_out", revision: 11 });
  await until("it is out", () => rig.edge.statesOf(sessionId).at(-1) === "ended/logged_out");
  await until("the phone knows", () => rig.simulator.phone(number).devices.length === 0);
  await rig.setDesiredState({ sessionId, desired: "deleted", revision: 12 });
  await until("it is gone", () => rig.edge.statesOf(sessionId).at(-1) === "ended/requested");
  const last = rig.edge.events.findLast((event) => event.sessionId === sessionId);
  expect(last).toMatchObject({ type: "session.state", revision: 12, phone: null });
  expect((await rig.edge.rpc("/rpc/sessions/qr", { sessionId })).status).toBe(404);
  await rig.setDesiredState({ sessionId, revision: 13 });
  expect((await rig.edge.rpc("/rpc/sessions/qr", { sessionId })).status).toBe(404);
});
