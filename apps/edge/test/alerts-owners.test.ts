import type { AlertChannel, CreatedAlertChannel, Incident } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { as, day, keysOf, office } from "./keys-of.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const { addKey, revoke, rotate, isoIn } = keysOf(() => edge);
const manage = { scopes: ["webhook:manage"] };

const add = async (options: object, name = "On call") => {
  const input = { kind: "slack", name, url: "https://hooks.example.com/services/T1/B1/x" };
  const { status, body } = await edge.api<CreatedAlertChannel>("POST /v1/alert-channels", input, options);
  expect(status).toBe(201);
  return body.id;
};
const read = async (id: string) => (await edge.api<AlertChannel>(`GET /v1/alert-channels/${id}`)).body;
const change = (id: string, body: object, options = {}) =>
  edge.api<AlertChannel>(`PATCH /v1/alert-channels/${id}`, body, options);
const ended = { pausedBecause: "key_ended" };

describe("an alert channel", () => {
  it("pauses when its key is revoked, and the other channels report it", async () => {
    const maker = await addKey(manage);
    const [id, other] = [await add(as(maker)), await add({}, "Other")];
    expect((await read(id)).createdBy).toBe(maker.id);
    await revoke(maker.id);
    expect([await read(id), (await read(other)).pausedAt]).toMatchObject([{ ...ended, pausedAt: isoIn(0) }, null]);
    const { body } = await edge.api<{ incidents: Incident[] }>("GET /v1/incidents?state=open");
    expect(body.incidents).toMatchObject([{ kind: "channel_paused", channelId: id, reason: "key_ended" }]);
    expect(body.incidents[0]?.detail).toContain("The channel's API key was revoked");
    await runCron(edge.services);
    const told = await edge.rows("SELECT endpoint_id, type FROM delivery");
    expect(told).toEqual([{ endpoint_id: other, type: "opened" }]);
  });

  it.each([
    ["loses its scope", { scopes: ["otp:send"] }, ended],
    ["expires", { expiresAt: "2026-11-21T08:00:01.000Z" }, ended],
    ["gets a list of addresses: nobody can call a channel", { ipAllowList: [office] }, { pausedBecause: null }],
  ])("is or is not paused when its key %s", async (_, changed, expected) => {
    const maker = await addKey({ scopes: ["webhook:manage", "otp:send"] });
    const id = await add(as(maker));
    await edge.api(`PATCH /v1/keys/${maker.id}`, changed);
    edge.advance(1000);
    await runCron(edge.services);
    expect(await read(id)).toMatchObject(expected);
  });

  it("follows a rotation, and works for a key that may have it", async () => {
    const maker = await addKey(manage);
    const id = await add(as(maker));
    const { body: next } = await rotate(maker.id);
    edge.advance(2 * day);
    await runCron(edge.services);
    expect(await read(id)).toMatchObject({ createdBy: next.id, pausedAt: null });
    await revoke(next.id);
    const another = await addKey(manage);
    const resumed = await change(id, { isPaused: false }, as(another));
    expect(resumed.body).toMatchObject({ createdBy: another.id, pausedAt: null, pausedBecause: null });
    await runCron(edge.services);
    expect((await read(id)).pausedAt).toBeNull();
    const { body } = await edge.api<{ incidents: Incident[] }>("GET /v1/incidents?state=open");
    expect(body.incidents).toEqual([]);
  });

  it("is not led elsewhere by a key that ends before it", async () => {
    const id = await add({});
    const short = await addKey({ ...manage, expiresAt: isoIn(day) });
    const answer = await change(id, { url: "https://elsewhere.example.com/x" }, as(short));
    expect([answer.status, answer.body.code]).toEqual([403, "insufficient-scope"]);
    expect((await change(await add(as(short), "Own"), { name: "Mine" }, as(short))).status).toBe(200);
  });

  it("without an owning key belongs to the workspace and works", async () => {
    const maker = await addKey(manage);
    const id = await add(as(maker));
    await edge.client.execute("UPDATE endpoint SET created_by = NULL");
    await revoke(maker.id);
    await runCron(edge.services);
    expect(await read(id)).toMatchObject({ createdBy: null, pausedAt: null });
  });
});
