import { beforeEach, describe, expect, it } from "vitest";
import type { Alerts } from "./alerts-world.ts";
import { useAlerts } from "./use-alerts.ts";

const minute = 60_000;
let world: Alerts;
useAlerts((started) => (world = started));
let sessions: string[];

const advance = (ms: number) => world.edge.advance(ms);

beforeEach(async () => {
  sessions = [];
  for (let i = 0; i < 8; i++) sessions.push(await world.edge.addSession());
  advance(1);
});

/** Runs the clock and the queue; returns the texts that Slack received. */
async function tick(ms = 0): Promise<string[]> {
  advance(ms);
  await world.cron();
  return delivered();
}
async function delivered(): Promise<string[]> {
  await world.deliver();
  return world.calls.splice(0).map(({ body }) => (JSON.parse(body) as { text: string }).text);
}
const all = async (state: string, reason: string | null = null, some: readonly string[] = sessions) => {
  for (const session of some) {
    await world.state(session, state, reason);
    advance(100);
  }
};

describe("many sessions that go at once", () => {
  it("are one message to each channel: how many, why, the first names, and what to do; and one when they are back", async () => {
    const channels = [await world.addChannel(), await world.addChannel({ afterSeconds: 30 })];
    await world.addChannel({ mutedKinds: ["offline"] });
    await all("waiting", "connection_lost", sessions.slice(0, 6));
    await all("waiting", "server_unavailable", sessions.slice(6));
    const told = [...(await tick(20_000)), ...(await tick(minute)), ...(await tick(minute)), ...(await tick(minute))];
    expect(told).toHaveLength(2);
    expect(told[0]?.split("\n")).toEqual([
      "8 sessions went at once.",
      "Offline: 8 (connection_lost 6, server_unavailable 2).",
      `${Array.from({ length: 5 }, () => "“sender” (+62812•••0001)").join(", ")} and 3 more.`,
      expect.stringMatching(/connection/i),
      expect.stringMatching(/^When many go at once, look first at what they share/),
      "Since 2026-11-21 08:00 UTC.",
      "https://api.test/v1/incidents?state=open",
    ]);
    await all("online");
    expect(await delivered()).toEqual([]);
    const back = [...(await tick()), ...(await tick(minute))];
    expect(back.map((text) => text.split("\n")[0])).toEqual(
      Array.from({ length: 2 }, () => "8 sessions are back after 3 min."),
    );
    for (const { id } of channels) {
      expect(await world.deliveries(id)).toMatchObject([
        { notification: "closed", incidents: 8, incidentId: null, status: "delivered" },
        { notification: "opened", incidents: 8, incidentId: null, status: "delivered" },
      ]);
    }
    expect(await tick(20 * minute)).toEqual([]);
  });

  it("are one message also if the first of them is due before the last", async () => {
    await world.addChannel();
    for (const session of sessions) {
      await world.state(session, "waiting", "connection_lost");
      advance(6_000);
    }
    const told: string[] = [];
    for (let i = 0; i < 20; i++) told.push(...(await tick(10_000)));
    expect(told.map((text) => text.split("\n")[0])).toEqual(["8 sessions went at once."]);
  });

  it("are not reported when most of them were away for less than the channel's afterSeconds", async () => {
    await world.addChannel();
    await all("waiting", "connection_lost");
    await all("online", null, sessions.slice(1));
    const told = [...(await tick(minute)), ...(await tick(minute))];
    expect(told.map((text) => text.split("\n")[0])).toEqual(["Session “sender” (+62812•••0001) is offline."]);
  });

  it("and need a human are reported one by one up to the fifth, and the rest in one digest", async () => {
    await world.addChannel();
    await all("ended", "version_refused");
    expect(await delivered()).toHaveLength(5);
    expect(await tick(1_000)).toEqual([]);
    const [digest, ...others] = await tick(20_000);
    expect(others).toEqual([]);
    expect(digest?.split("\n").slice(0, 2)).toEqual(["3 sessions went at once.", "Need you: 3 (version_refused 3)."]);
    await all("online");
    expect((await delivered()).map((text) => text.split("\n")[0])).toHaveLength(5);
    expect((await tick()).map((text) => text.split("\n")[0])).toEqual(["3 sessions are back after 22 s."]);
  });

  it("and come back one after the other are reported when the last is back", async () => {
    await world.addChannel();
    await all("waiting", "connection_lost");
    await tick(minute + 20_000);
    const told: string[] = [];
    for (const session of sessions) {
      expect(told).toEqual([]);
      await world.state(session, "online");
      told.push(...(await delivered()), ...(await tick(minute)));
    }
    expect(told.map((text) => text.split("\n")[0])).toEqual(["8 sessions are back after 8 min."]);
  });

  it("and do not all come back are reported after ten minutes, with the number that is missing", async () => {
    await world.addChannel();
    await all("waiting", "connection_lost");
    await tick(minute + 20_000);
    await all("online", null, sessions.slice(2));
    expect(await tick(9 * minute)).toEqual([]);
    const [digest] = await tick(minute);
    expect(digest?.split("\n").slice(0, 2)).toEqual([
      "6 sessions are back after 81 s.",
      "Of those that went with them 2 are not.",
    ]);
    await all("online", null, sessions.slice(0, 1));
    expect((await tick(minute)).map((text) => text.split("\n")[0])).toEqual([
      "Session “sender” (+62812•••0001) is back after 11 min.",
    ]);
    await world.edge.api(`POST /v1/sessions/${sessions[1]}/stop`);
    expect(await tick(minute)).toEqual([]);
  });

  it("of one workspace are nothing to another, and to no channel of another", async () => {
    const stranger = await world.edge.addWorkspace();
    await world.addChannel();
    await world.addChannel({}, stranger.key);
    const theirs = await world.edge.addSession("online", stranger.id);
    await all("waiting", "connection_lost", [...sessions.slice(0, 5), theirs]);
    const told = [...(await tick(minute)), ...(await tick(minute))].map((text) => text.split("\n")[0]);
    expect(told).toEqual(Array.from({ length: 6 }, () => "Session “sender” (+62812•••0001) is offline."));
  });

  it("are data for a webhook, too", async () => {
    await world.addChannel({ kind: "webhook", url: "https://ops.example.com/" });
    await all("waiting", "connection_lost");
    await world.cron();
    advance(minute + 20_000);
    await world.cron();
    await world.deliver();
    expect(world.calls.map(({ body }) => JSON.parse(body) as object)).toMatchObject([
      {
        type: "incidents.opened",
        data: {
          sessions: 8,
          reasons: [{ kind: "offline", reason: "connection_lost", count: 8 }],
          first: sessions.slice(0, 5).map((sessionId) => ({ sessionId, name: "sender", number: "+62812•••0001" })),
        },
      },
    ]);
  });

  it("are reported again when QStash was away, still in one message", async () => {
    await world.addChannel();
    await all("waiting", "connection_lost");
    world.edge.queueIsDown = true;
    await tick(minute + 20_000);
    world.edge.queueIsDown = false;
    expect(await tick(15_000)).toHaveLength(1);
    expect(await tick(minute)).toEqual([]);
  });
});
