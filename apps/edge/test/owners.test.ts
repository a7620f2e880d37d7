import type { CreatedSupabaseHook, QrPageLink, SupabaseHook } from "@sandi/contracts";
import { signWebhook } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import type { z } from "zod";
import { DatabaseFetchError } from "../src/db/failures.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { as, day, fromOffice, keysOf, office } from "./keys-of.ts";

let edge: Edge;
useEdge((started) => (edge = started));

beforeEach(async () => {
  await edge.addSession();
});

const { addKey, revoke, rotate, isoIn, idOf } = keysOf(() => edge);

const hookPath = "/v1/hooks/supabase";
type Hook = { id: string; secret: string };

async function addHook(options = {}): Promise<Hook> {
  const { status, body } = await edge.api<CreatedSupabaseHook>(`POST ${hookPath}`, { name: "Ours" }, options);
  expect(status).toBe(201);
  return { id: body.id, secret: body.secret ?? "" };
}
let number = 0;
const ended = "The hook's API key was revoked, has expired or has lost a scope.";

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
  expect(error?.message ?? ended).toBe(ended);
  return error?.http_code;
}
const look = async (id: string) =>
  (await edge.api<{ hooks: SupabaseHook[] }>(`GET ${hookPath}`)).body.hooks.find((each) => each.id === id);
const adopt = (id: string, options = {}) => edge.api<SupabaseHook>(`PATCH ${hookPath}/${id}`, { adopt: true }, options);

describe("a hook", () => {
  it("belongs to the key that made it, and ends with that key", async () => {
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

  it("can be adopted by another key, before or after its own has ended", async () => {
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

  it("without a `createdBy` belongs to the workspace and works", async () => {
    const maker = await addKey();
    const hook = await addHook(as(maker));
    await edge.client.execute("UPDATE supabase_hook SET created_by = NULL");
    await revoke(maker.id);
    expect([await call(hook), await look(hook.id)]).toMatchObject([undefined, { createdBy: null, endedBecause: null }]);
  });
});

const open = (url: string, headers = {}) =>
  edge.api(`GET ${url.slice("https://api.test".length)}`, undefined, { key: null, headers });
const link = async (id: string, options: object) =>
  (await edge.api<z.infer<typeof QrPageLink>>(`POST /v1/sessions/${id}/qr-page`, undefined, options)).body;
const manage = { scopes: ["session:manage"] };

describe("a link to the QR page", () => {
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

describe("a rotation that the database did not answer", () => {
  it("restores what belongs to the key when it is undone", async () => {
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
