import type { Verification } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Alerts } from "./alerts-world.ts";
import { useAlerts } from "./use-alerts.ts";

const minute = 60_000;
const hour = 60 * minute;
const offline = "Session “sender” (+62812•••0001) is offline.";
const noProxy = "Session “sender” (+62812•••0001) cannot reach its proxy.";
let world: Alerts;
useAlerts((started) => (world = started));
let session: string;

beforeEach(async () => {
  session = await world.edge.addSession();
});

async function tick(ms = 0): Promise<(string | undefined)[]> {
  world.edge.advance(ms);
  await world.cron();
  await world.deliver();
  return world.told();
}
const open = async () =>
  (await world.incidents("?state=open")).incidents.map(({ kind, reason }) => `${kind} ${reason}`);
const pause = (channel: { id: string }, isPaused: boolean) =>
  world.edge.api(`PATCH /v1/alert-channels/${channel.id}`, { isPaused });

describe("an incident", () => {
  it("is reported to its own workspace and to no other", async () => {
    const stranger = await world.edge.addWorkspace("Other");
    await world.addChannel({ name: "Ours", afterSeconds: 0 });
    const theirs = await world.addChannel({ name: "Theirs", afterSeconds: 0 }, stranger.key);
    world.edge.advance(1);
    await world.state(session, "waiting", "connection_lost");
    expect(await tick()).toEqual([offline]);
    const { rows } = await world.edge.client.execute("SELECT endpoint_id FROM delivery");
    expect(rows.map(({ endpoint_id: id }) => id)).not.toContain(theirs.id);
  });

  it("is not reported to a channel that was created after it opened", async () => {
    await world.state(session, "waiting", "connection_lost");
    world.edge.advance(1);
    await world.addChannel({ afterSeconds: 0 });
    expect(await tick(minute)).toEqual([]);
  });

  it("is not reported to a channel that was paused all the time", async () => {
    const channel = await world.addChannel({ afterSeconds: 0 });
    await pause(channel, true);
    world.edge.advance(1);
    await world.state(session, "waiting", "connection_lost");
    world.edge.advance(minute);
    await world.state(session, "online");
    await pause(channel, false);
    expect(await tick(minute)).toEqual([]);
  });

  it("that has not changed for two days is not reported", async () => {
    const channel = await world.addChannel({ afterSeconds: 0 });
    await pause(channel, true);
    world.edge.advance(1);
    await world.state(session, "waiting", "connection_lost");
    world.edge.advance(48 * hour);
    await pause(channel, false);
    expect(await tick()).toEqual([]);
  });
});

describe("a session's proxy", () => {
  beforeEach(async () => {
    await world.addChannel({ afterSeconds: 0 });
    await world.edge.client.execute("UPDATE session SET proxy = '{}'");
    world.edge.advance(1);
  });

  it("that the socket cannot go through is reported, and the offline session is not reported again", async () => {
    await world.state(session, "waiting", "connection_lost");
    expect(await tick()).toEqual([offline]);
    await world.state(session, "waiting", "proxy_unreachable");
    expect(await tick()).toEqual([noProxy]);
    expect(await open()).toEqual(["proxy_unreachable proxy_unreachable"]);
    await world.state(session, "online");
    expect(await tick(hour)).toEqual(["Session “sender” (+62812•••0001) is back after 1 s."]);
  });

  it("that its check finds closed is reported while the session is still online", async () => {
    await world.event(session, { type: "session.proxy", isHealthy: false });
    expect(await tick()).toEqual([noProxy]);
    await world.event(session, { type: "session.proxy", isHealthy: true });
    expect(await tick()).toEqual(["Session “sender” (+62812•••0001) is back after 1 s."]);
  });

  it("that is removed ends the incident without a report", async () => {
    await world.event(session, { type: "session.proxy", isHealthy: false });
    expect(await tick()).toEqual([noProxy]);
    await world.edge.api(`DELETE /v1/sessions/${session}/proxy`);
    expect([await tick(), await open()]).toEqual([[], []]);
    expect((await world.incidents()).incidents[0]).toMatchObject({ ending: "withdrawn" });
  });
});

it("a code that waits for two minutes on an online session is reported, a text is not", async () => {
  await world.addChannel();
  const to = "+6281234567890";
  await world.edge.api("POST /v1/messages", { to, type: "text", text: "Selamat pagi" });
  expect(await tick(3 * minute)).toEqual([]);
  const { body } = await world.edge.api<Verification>("POST /v1/verifications", { to });
  expect(body.status).toBe("pending");
  expect(await tick(2 * minute - 1)).toEqual([]);
  expect(await tick(1)).toEqual(["Session “sender” (+62812•••0001) has messages that wait too long."]);
});
