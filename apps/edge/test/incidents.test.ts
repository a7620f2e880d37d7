import { beforeEach, describe, expect, it } from "vitest";
import type { Alerts } from "./alerts-world.ts";
import { useAlerts } from "./use-alerts.ts";

const minute = 60_000;
let world: Alerts;
useAlerts((started) => (world = started));
let session: string;

beforeEach(async () => {
  session = await world.edge.addSession();
});

const advance = (ms: number) => world.edge.advance(ms);
async function tick(ms = 0): Promise<(string | undefined)[]> {
  advance(ms);
  await world.cron();
  await world.deliver();
  return world.told();
}
const only = async () => {
  const { incidents } = await world.incidents();
  expect(incidents).toHaveLength(1);
  return incidents[0]!;
};

const addMessages = async (count: number, status: string, failure: string | null = null, age = 0) => {
  const at = world.edge.services.now().getTime() - age;
  for (let i = 0; i < count; i++) {
    await world.edge.api("POST /v1/messages", { sessionId: session, to: "+6281234567890", type: "text", text: "Hi" });
    const update = `UPDATE message SET status = ?, failure = ?, created_at = ?, expires_at = ? WHERE id = (SELECT max(id) FROM message)`;
    await world.edge.client.execute({ sql: update, args: [status, failure, at, at + 2 * 3600_000] });
    advance(1);
  }
};

describe("a session that is away", () => {
  it("is reported once after the channel's afterSeconds, and once more when it is back", async () => {
    await world.addChannel({ afterSeconds: 60 });
    advance(1);
    await world.state(session, "waiting", "connection_lost");
    expect(await tick()).toEqual([]);
    await world.state(session, "connecting", "connection_lost");
    await world.state(session, "waiting", "server_unavailable");
    expect(await tick(59_000)).toEqual([]);
    expect(await tick(1_000)).toEqual(["Session “sender” (+62812•••0001) is offline."]);
    expect(await tick(2 * minute)).toEqual([]);
    advance(minute);
    await world.state(session, "online");
    await world.deliver();
    expect(world.told()).toEqual(["Session “sender” (+62812•••0001) is back after 4 min."]);
    expect(await tick(10 * minute)).toEqual([]);
    expect(await only()).toMatchObject({
      kind: "offline",
      reason: "server_unavailable",
      ending: "recovered",
      times: 1,
    });
  });

  it("is not reported when it was shorter", async () => {
    await world.addChannel({ afterSeconds: 60 });
    advance(1);
    await world.state(session, "waiting", "connection_lost");
    advance(30_000);
    await world.state(session, "online");
    expect(await tick(minute)).toEqual([]);
    expect(await only()).toMatchObject({ kind: "offline", ending: "recovered" });
  });

  it("is reported to each channel at its own time, and not if the channel mutes its kind", async () => {
    const fast = await world.addChannel({ afterSeconds: 0 });
    const slow = await world.addChannel({ afterSeconds: 300 });
    const muted = await world.addChannel({ afterSeconds: 0, mutedKinds: ["offline"] });
    advance(1);
    await world.state(session, "waiting", "connection_lost");
    await world.deliver();
    expect(world.told()).toHaveLength(1);
    expect(await tick(5 * minute)).toHaveLength(1);
    const counts = [fast, slow, muted].map(async ({ id }) => (await world.deliveries(id)).length);
    expect(await Promise.all(counts)).toEqual([1, 1, 0]);
  });

  it("that flaps is one incident, reported again after an hour at the earliest, with its count", async () => {
    await world.addChannel({ afterSeconds: 0 });
    advance(1);
    const flap = async () => {
      await world.state(session, "waiting", "connection_lost");
      await world.deliver();
      advance(minute);
      await world.state(session, "online");
      await world.deliver();
      advance(5 * minute);
    };
    await flap();
    expect(world.told()).toHaveLength(2);
    for (let times = 2; times <= 10; times++) await flap();
    expect(world.told()).toEqual([]);
    await flap();
    expect(world.told()).toEqual([
      "Session “sender” (+62812•••0001) is offline, for the 11th time since 2026-11-21 08:00 UTC.",
      "Session “sender” (+62812•••0001) is back after 60 s.",
    ]);
    expect((await only()).times).toBe(11);
    advance(10 * minute);
    await world.state(session, "waiting", "connection_lost");
    await world.deliver();
    expect(world.told()).toEqual(["Session “sender” (+62812•••0001) is offline."]);
    expect((await world.incidents()).incidents.map(({ closedAt }) => closedAt === null)).toEqual([true, false]);
  });

  it("that should no longer run is not reported again", async () => {
    await world.addChannel({ afterSeconds: 0 });
    advance(1);
    await world.state(session, "waiting", "connection_lost");
    await world.deliver();
    world.told();
    await world.edge.api(`POST /v1/sessions/${session}/stop`);
    expect(await tick(minute)).toEqual([]);
    expect(await only()).toMatchObject({ ending: "withdrawn" });
    await world.state(session, "waiting", "connection_lost");
    expect((await world.incidents("?state=open")).incidents).toEqual([]);
  });

  it("is not reported twice when the connector repeats its events", async () => {
    await world.addChannel({ afterSeconds: 0 });
    advance(1);
    const lost = await world.state(session, "waiting", "connection_lost");
    const back = await world.state(session, "online");
    await world.deliver();
    expect(world.told()).toHaveLength(2);
    for (const batch of [lost, back]) await world.edge.internal("/internal/events", batch);
    expect(await tick()).toEqual([]);
    expect((await only()).times).toBe(1);
  });
});

describe("an incident that opens again after an end that was not reported", () => {
  it("is reported when the operator stopped the session in between, within an hour", async () => {
    await world.addChannel({ afterSeconds: 0, mutedKinds: ["connector_silent"] });
    advance(1);
    await world.state(session, "waiting", "connection_lost");
    await world.deliver();
    world.told();
    await world.edge.api(`POST /v1/sessions/${session}/stop`);
    await world.edge.api(`POST /v1/sessions/${session}/start`);
    advance(minute);
    await world.state(session, "stopped", "requested");
    await world.state(session, "waiting", "server_unavailable");
    expect(await tick(minute)).toEqual([]);
    expect(await tick(60 * minute)).toEqual([
      "Session “sender” (+62812•••0001) is offline, for the 2nd time since 2026-11-21 08:00 UTC.",
    ]);
    expect(await tick(2 * 60 * minute)).toEqual([]);
    await world.state(session, "online");
    await world.deliver();
    expect(world.told()).toEqual(["Session “sender” (+62812•••0001) is back after 3 h."]);
  });

  it("is reported when the session needed a human in between and was reported as back", async () => {
    await world.addChannel({ afterSeconds: 0 });
    advance(1);
    await world.state(session, "waiting", "connection_lost");
    await world.state(session, "ended", "replaced");
    await world.state(session, "online");
    await world.deliver();
    expect(world.told().at(-1)).toContain("is back");
    advance(minute);
    await world.state(session, "waiting", "connection_lost");
    expect(await tick(60 * minute)).toEqual([
      "Session “sender” (+62812•••0001) is offline, for the 2nd time since 2026-11-21 08:00 UTC.",
    ]);
  });

  it("is reported at its end, however long it was, and at its beginning once", async () => {
    await world.addChannel({ afterSeconds: 0 });
    advance(1);
    await world.state(session, "waiting", "connection_lost");
    expect(await tick()).toHaveLength(1);
    for (let days = 0; days < 31; days++) expect(await tick(24 * 60 * minute)).toEqual([]);
    await world.limits(session, {});
    expect(await tick()).toEqual([]);
    await world.state(session, "online");
    expect(await tick()).toEqual(["Session “sender” (+62812•••0001) is back after 31 days."]);
    await tick(31 * 24 * 60 * minute);
    await tick();
    expect([await world.edge.count("incident"), await world.edge.count("delivery")]).toEqual([0, 0]);
  });
});

describe("a session that needs a human", () => {
  it.each(["banned", "replaced", "logged_out", "version_refused", "bad_session", "untrusted_server"])(
    "is reported at once: %s",
    async (reason) => {
      await world.addChannel({ afterSeconds: 600 });
      advance(1);
      await world.state(session, "ended", reason);
      await world.deliver();
      expect(world.told()).toEqual(["Session “sender” (+62812•••0001) needs you."]);
      expect(await only()).toMatchObject({ kind: "needs_action", reason, sessionId: session, closedAt: null });
    },
  );

  it("is reported when it stopped for a passkey or waits with bad keys, and not when a request ended it", async () => {
    await world.addChannel();
    advance(1);
    await world.state(session, "stopped", "passkey_required");
    await world.state(await world.edge.addSession(), "waiting", "bad_session");
    await world.state(await world.edge.addSession(), "ended", "requested");
    await world.deliver();
    expect(world.told()).toEqual(Array.from({ length: 2 }, () => "Session “sender” (+62812•••0001) needs you."));
  });

  it("ends the incident of having been offline, without a report that it is back", async () => {
    await world.addChannel({ afterSeconds: 0 });
    advance(1);
    await world.state(session, "waiting", "connection_lost");
    await world.state(session, "ended", "banned");
    await world.deliver();
    expect(world.told()).toHaveLength(2);
    await world.state(session, "online");
    await world.deliver();
    expect(world.told()).toEqual(["Session “sender” (+62812•••0001) is back after 1 s."]);
    const endings = (await world.incidents()).incidents.map(({ kind, ending }) => `${kind} ${ending}`);
    expect(endings.toSorted()).toEqual(["needs_action recovered", "offline superseded"]);
  });
});

describe("what WhatsApp and proxies hold back", () => {
  it("an account's lock, pause or used up cap is reported, and its end, by an event or by cron", async () => {
    await world.addChannel();
    advance(1);
    const soon = new Date(world.edge.services.now().getTime() + 30 * minute).toISOString();
    await world.limits(session, { newChatsLockedUntil: soon });
    await world.deliver();
    expect(world.told()).toEqual(["Session “sender” (+62812•••0001) is limited by WhatsApp."]);
    expect(await only()).toMatchObject({ kind: "limited", reason: "new_chats_locked" });
    await world.limits(session, { pausedUntil: soon, newChatsLockedUntil: soon });
    expect((await only()).reason).toBe("paused");
    expect(await tick(31 * minute)).toEqual(["Session “sender” (+62812•••0001) is back after 31 min."]);
    const other = await world.edge.addSession();
    await world.limits(other, { newChats: { total: 10, used: 10, resetsAt: null } });
    await world.limits(other, { newChats: { total: 20, used: 10, resetsAt: null } });
    const incident = (await world.incidents()).incidents.find(({ sessionId }) => sessionId === other);
    expect(incident).toMatchObject({ reason: "new_chats_used_up", ending: "recovered" });
  });

  it("a proxy that fails is one incident, whether the socket or the check finds it", async () => {
    await world.addChannel({ afterSeconds: 0 });
    await world.edge.client.execute("UPDATE session SET proxy = '{}'");
    advance(1);
    await world.state(session, "waiting", "proxy_unreachable");
    await world.event(session, { type: "session.proxy", isHealthy: false });
    await world.deliver();
    expect(world.told()).toEqual(["Session “sender” (+62812•••0001) cannot reach its proxy."]);
    advance(minute);
    await world.event(session, { type: "session.proxy", isHealthy: true });
    await world.deliver();
    expect(world.told()).toEqual(["Session “sender” (+62812•••0001) is back after 60 s."]);
    await only();
  });
});

describe("incidents that only cron finds", () => {
  it("messages that wait too long on a session that is online", async () => {
    await world.addChannel();
    await addMessages(1, "queued");
    expect(await tick(29 * minute)).toEqual([]);
    expect(await tick(2 * minute)).toEqual(["Session “sender” (+62812•••0001) has messages that wait too long."]);
    await world.edge.client.execute("UPDATE message SET status = 'sent'");
    expect(await tick(minute)).toEqual(["Session “sender” (+62812•••0001) is back after 60 s."]);
  });

  it("messages that wait too long, however many of others do", async () => {
    await addMessages(1, "queued");
    const { rows: columns } = await world.edge.client.execute("SELECT name FROM pragma_table_info('message')");
    const names = columns.map((column) => column["name"] as string);
    for (let i = 100; i < 220; i++) {
      const theirs = await world.edge.addSession();
      const own: Record<string, string> = { id: `'msg_0${i}'`, session_id: `'${theirs}'` };
      const values = names.map((name) => own[name] ?? name);
      await world.edge.client.execute(
        `INSERT INTO message (${names.join()}) SELECT ${values.join()} FROM message WHERE session_id = '${session}'`,
      );
    }
    advance(31 * minute);
    for (let i = 0; i < 3; i++) await world.cron();
    const { rows } = await world.edge.client.execute("SELECT count(*) AS n FROM incident WHERE closed_at IS NULL");
    expect(rows).toEqual([{ n: 121 }]);
  });

  it("half of the latest messages failing, but not for numbers without an account", async () => {
    await world.addChannel();
    await addMessages(15, "failed", "not_on_whatsapp");
    await addMessages(9, "failed", "refused");
    expect(await tick()).toEqual([]);
    await addMessages(15, "failed", "refused");
    expect(await tick()).toEqual(["Session “sender” (+62812•••0001) fails to send."]);
    expect(await tick(16 * minute)).toEqual(["Session “sender” (+62812•••0001) is back after 16 min."]);
  });

  it("nothing of a session that is stopped while cron runs", async () => {
    await world.addChannel();
    await addMessages(1, "queued");
    advance(31 * minute);
    const { db } = world.edge.services;
    world.edge.services.db = {
      ...db,
      read: async (queries) => {
        const found = await db.read(queries);
        world.edge.services.db = db;
        await world.edge.api(`POST /v1/sessions/${session}/stop`);
        return found;
      },
    };
    expect(await tick()).toEqual([]);
    expect((await world.incidents()).incidents).toEqual([]);
  });

  it("a desired state that no connector applies", async () => {
    await world.addChannel();
    await world.edge.api(`POST /v1/sessions/${session}/restart`);
    const said: (string | undefined)[] = [];
    for (let i = 0; i < 6; i++) said.push(...(await tick(minute)));
    expect(said).toEqual(["Session “sender” (+62812•••0001) has no connector."]);
  });
});

describe("the list of incidents", () => {
  it("has open ones first, page by page, and none of another workspace", async () => {
    const sessions = [session];
    for (let i = 0; i < 4; i++) sessions.push(await world.edge.addSession());
    for (const each of sessions) {
      advance(1);
      await world.state(each, "waiting", "connection_lost");
    }
    await world.state(sessions[4]!, "online");
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page = await world.incidents(`?limit=2${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.incidents.map(({ sessionId }) => String(sessions.indexOf(sessionId ?? ""))));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(["3", "2", "1", "0", "4"]);
    expect((await world.incidents("?state=closed")).incidents).toHaveLength(1);
    const stranger = await world.edge.addWorkspace();
    expect((await world.edge.api("GET /v1/incidents", undefined, { key: stranger.key })).body["incidents"]).toEqual([]);
  });
});
