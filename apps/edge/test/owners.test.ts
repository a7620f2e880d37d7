import type {
  AlertChannel,
  CreatedAlertChannel,
  CreatedApiKey,
  CreatedSupabaseHook,
  Incident,
  QrPageLink,
  Scope,
  SupabaseHook,
} from "@sandi/contracts";
import { hashApiKey, signWebhook } from "@sandi/crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { z } from "zod";
import { runCron } from "../src/cron.ts";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { type Edge, startEdge } from "./harness.ts";

let edge: Edge;
const day = 86_400_000;
const office = "203.0.113.0/24";
const fromOffice = { "cf-connecting-ip": "203.0.113.7" };
const sends: Scope[] = ["otp:send", "otp:check", "otp:custom", "key:manage"];

beforeEach(async () => {
  edge = await startEdge();
  await edge.addSession();
});
afterEach(async () => {
  await edge.settled();
  edge.close();
});

const isoIn = (ms: number) => new Date(edge.services.now().getTime() + ms).toISOString();
const idOf = async (key: string) =>
  String((await edge.rows("SELECT id FROM api_key WHERE hash = ?", await hashApiKey(key)))[0]?.["id"]);

async function addKey(more: Record<string, unknown> = {}) {
  const { body } = await edge.api<CreatedApiKey>("POST /v1/keys", { name: "k", scopes: sends, ...more });
  return { id: body.id, key: body.key ?? "" };
}
const as = ({ key }: { key: string }, headers = {}) => ({ key, headers });
const revoke = (id: string, options = {}) => edge.api(`DELETE /v1/keys/${id}`, undefined, options);
const rotate = (id: string) => edge.api<CreatedApiKey>(`POST /v1/keys/${id}/rotate`, {});

const hookPath = "/v1/hooks/supabase";
type Hook = { id: string; secret: string };

async function addHook(options = {}): Promise<Hook> {
  const { status, body } = await edge.api<CreatedSupabaseHook>(`POST ${hookPath}`, { name: "Ours" }, options);
  expect(status).toBe(201);
  return { id: body.id, secret: body.secret ?? "" };
}
let number = 0;

/** What Supabase is answered: undefined when the code is on its way, else the status of the error. */
async function call({ id, secret }: Hook): Promise<number | undefined> {
  number += 1;
  const body = JSON.stringify({ user: { id: "u", phone: `62812345678${10 + number}` }, sms: { otp: "480213" } });
  const timestamp = Math.floor(edge.services.now().getTime() / 1000);
  const signature = await signWebhook({ secrets: [secret], id: "msg_1", timestamp, body });
  const headers = {
    "webhook-id": "msg_1",
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signature,
  };
  const before = await edge.count("message");
  const answer = await edge.api<{ error?: { http_code: number; message: string } }>(`POST ${hookPath}/${id}`, body, {
    key: null,
    headers,
  });
  expect(answer.status).toBe(200);
  const { error } = answer.body;
  expect(await edge.count("message")).toBe(before + (error ? 0 : 1));
  if (error) expect(error.message).toMatch(/API key was revoked, has expired or may no longer/);
  return error?.http_code;
}
const look = async (id: string) =>
  (await edge.api<{ hooks: SupabaseHook[] }>(`GET ${hookPath}`)).body.hooks.find((each) => each.id === id);
const adopt = (id: string, options = {}) => edge.api<SupabaseHook>(`PATCH ${hookPath}/${id}`, { adopt: true }, options);

describe("a hook", () => {
  it("belongs to the key that made it, and ends with that", async () => {
    const maker = await addKey();
    const hook = await addHook(as(maker));
    expect(await look(hook.id)).toMatchObject({ createdBy: maker.id, endedBecause: null });
    expect(await call(hook)).toBeUndefined();
    expect((await revoke(maker.id)).status).toBe(204);
    expect([await call(hook), (await look(hook.id))?.endedBecause]).toEqual([403, "revoked"]);
  });

  it.each([
    ["narrowed", { scopes: ["otp:check", "otp:custom", "key:manage"] }],
    ["narrowed", { scopes: ["otp:send", "otp:check", "key:manage"] }],
    ["narrowed", { ipAllowList: [office] }],
    ["expired", { expiresAt: "2026-11-21T08:00:01.000Z" }],
  ])("ends when its key is %s: %j", async (endedBecause, change) => {
    const maker = await addKey();
    const hook = await addHook(as(maker));
    expect((await edge.api(`PATCH /v1/keys/${maker.id}`, change)).status).toBe(200);
    edge.advance(1000);
    expect([await call(hook), (await look(hook.id))?.endedBecause]).toEqual([403, endedBecause]);
  });

  it("is open to all, so that a key with a list of addresses neither makes nor takes one", async () => {
    const bound = await addKey({ ipAllowList: [office] });
    const made = await edge.api(`POST ${hookPath}`, { name: "Ours" }, as(bound, fromOffice));
    expect([made.status, made.body.code]).toEqual([403, "insufficient-scope"]);
    const { id } = await addHook();
    expect((await adopt(id, as(bound, fromOffice))).status).toBe(403);
    expect(await edge.count("supabase_hook")).toBe(1);
  });

  it("follows its key's replacement through a rotation without a gap", async () => {
    const maker = await addKey();
    const hook = await addHook(as(maker));
    const { body: next } = await rotate(maker.id);
    expect([await call(hook), (await look(hook.id))?.createdBy]).toEqual([undefined, next.id]);
    edge.advance(2 * day);
    expect(await call(hook)).toBeUndefined();
    await revoke(next.id);
    expect(await call(hook)).toBe(403);
  });

  it("is taken over by another key, before or after its own has ended", async () => {
    const [first, second, third] = [await addKey(), await addKey(), await addKey()];
    const hook = await addHook(as(first));
    expect((await adopt(hook.id, as(second))).body).toMatchObject({ createdBy: second.id, endedBecause: null });
    await revoke(first.id);
    expect(await call(hook)).toBeUndefined();
    await revoke(second.id);
    expect(await call(hook)).toBe(403);
    expect((await edge.api(`PATCH ${hookPath}/${hook.id}`, { name: "Other" }, as(third))).body).toMatchObject({
      createdBy: second.id,
      endedBecause: "revoked",
    });
    expect((await adopt(hook.id, as(third))).body).toMatchObject({ createdBy: third.id, endedBecause: null });
    expect(await call(hook)).toBeUndefined();
  });

  it("is not changed by a key that ends before it, secret or name", async () => {
    const { id } = await addHook();
    const short = await addKey({ expiresAt: isoIn(day) });
    for (const change of [{ name: "Mine" }, { secret: `v1,whsec_${"A".repeat(32)}` }, { adopt: true }]) {
      const answer = await edge.api(`PATCH ${hookPath}/${id}`, change, as(short));
      expect([answer.status, answer.body.code]).toEqual([403, "insufficient-scope"]);
    }
  });

  it("from before keys were noted belongs to the workspace and goes on", async () => {
    const maker = await addKey();
    const hook = await addHook(as(maker));
    await edge.client.execute("UPDATE supabase_hook SET created_by = NULL");
    await revoke(maker.id);
    expect([await call(hook), await look(hook.id)]).toMatchObject([undefined, { createdBy: null, endedBecause: null }]);
  });
});

describe("a link to the QR page", () => {
  const open = (url: string, headers = {}) =>
    edge.api(`GET ${url.slice("https://api.test".length)}`, undefined, { key: null, headers });
  const link = async (id: string, options: object) =>
    (await edge.api<z.infer<typeof QrPageLink>>(`POST /v1/sessions/${id}/qr-page`, undefined, options)).body;
  const manage = { scopes: ["session:manage"] };

  it("ends with the key that asked for it", async () => {
    const id = await edge.addSession("connecting");
    const maker = await addKey(manage);
    const { url } = await link(id, as(maker));
    expect((await open(url)).status).toBe(200);
    await revoke(maker.id);
    const closed = await open(url);
    expect([closed.status, closed.body.code]).toEqual([403, "link-invalid"]);
  });

  it("does not outlive its key, and ends when that loses its scope", async () => {
    const id = await edge.addSession("connecting");
    const maker = await addKey({ ...manage, expiresAt: isoIn(60_000) });
    const { url, expiresAt } = await link(id, as(maker));
    expect(expiresAt).toBe(isoIn(60_000));
    await edge.client.execute({ sql: `UPDATE api_key SET scopes = '["otp:send"]' WHERE id = ?`, args: [maker.id] });
    expect((await open(url)).status).toBe(403);
  });

  it("opens from its key's addresses only, and for no other key's id", async () => {
    const id = await edge.addSession("connecting");
    const maker = await addKey({ ...manage, ipAllowList: [office] });
    const { url } = await link(id, as(maker, fromOffice));
    expect((await open(url, fromOffice)).status).toBe(200);
    expect((await open(url, { "cf-connecting-ip": "198.51.100.1" })).body.code).toBe("address-not-allowed");
    const other = url.replace(maker.id, await idOf(edge.workspace.key));
    expect((await open(other, fromOffice)).body.code).toBe("link-invalid");
  });
});

describe("an alert channel", () => {
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

  it("pauses with the key that made it, and the other channels are told", async () => {
    const maker = await addKey(manage);
    const [id, other] = [await add(as(maker)), await add({}, "Other")];
    expect((await read(id)).createdBy).toBe(maker.id);
    await revoke(maker.id);
    expect([await read(id), (await read(other)).pausedAt]).toMatchObject([{ ...ended, pausedAt: isoIn(0) }, null]);
    const { body } = await edge.api<{ incidents: Incident[] }>("GET /v1/incidents?state=open");
    expect(body.incidents).toMatchObject([{ kind: "channel_paused", channelId: id, reason: "key_ended" }]);
    expect(body.incidents[0]?.detail).toContain("The API key that the channel belongs to");
    await runCron(edge.services);
    const told = await edge.rows("SELECT channel_id, what FROM alert_delivery");
    expect(told).toEqual([{ channel_id: other, what: "opened" }]);
  });

  it.each([
    ["loses its scope", { scopes: ["otp:send"] }, ended],
    ["expires", { expiresAt: "2026-11-21T08:00:01.000Z" }, ended],
    ["gets a list of addresses: nobody can call a channel", { ipAllowList: [office] }, { pausedBecause: null }],
  ])("is %s", async (_, changed, expected) => {
    const maker = await addKey({ scopes: ["webhook:manage", "otp:send"] });
    const id = await add(as(maker));
    await edge.api(`PATCH /v1/keys/${maker.id}`, changed);
    edge.advance(1000);
    await runCron(edge.services);
    expect(await read(id)).toMatchObject(expected);
  });

  it("follows a rotation, and goes on for the key that lets it", async () => {
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

  it("from before keys were noted belongs to the workspace and goes on", async () => {
    const maker = await addKey(manage);
    const id = await add(as(maker));
    await edge.client.execute("UPDATE alert_channel SET created_by = NULL");
    await revoke(maker.id);
    await runCron(edge.services);
    expect(await read(id)).toMatchObject({ createdBy: null, pausedAt: null });
  });
});

describe("a rotation that the database did not answer", () => {
  it("leaves what belongs to the key where it was when it is taken back", async () => {
    const maker = await addKey();
    const hook = await addHook(as(maker));
    const { db } = edge.services;
    let lost = 0;
    edge.services.db = {
      ...db,
      write: async (queries) => {
        lost += 1;
        if (lost > 2) return db.write(queries);
        if (lost === 1) await db.write(queries);
        throw new DatabaseFetchError("lost");
      },
    };
    expect((await rotate(maker.id)).status).toBe(503);
    await edge.settled();
    expect([(await look(hook.id))?.createdBy, await call(hook)]).toEqual([maker.id, undefined]);
  });
});
