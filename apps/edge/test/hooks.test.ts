import { randomUUID } from "node:crypto";
import type { AuditList, CreatedSupabaseHook, SupabaseHook } from "@sandi/contracts";
import { generateWebhookSecret, signWebhook, webRandom } from "@sandi/crypto";
import { Webhook } from "standardwebhooks";
import type { z } from "zod";
import { beforeEach, describe, expect, it } from "vitest";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { createHook } from "../src/hooks/create-hook.ts";
import { type Answer, type Edge, limitAnswer } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const path = "/v1/hooks/supabase";
const phone = "6281234567890";
const otp = "480213";
const userId = "6481a5c1-3d37-4a56-9f6a-bee08c554965";
const template = {
  name: "Ours",
  texts: { en: "Hello from {{company}}\n\n*{{code}}*" },
};

beforeEach(async () => {
  await edge.addSession();
});

interface Outcome {
  error?: { http_code: number; message: string };
}

async function addHook(input: Record<string, unknown> = {}, key = edge.workspace.key) {
  const { status, body } = await edge.api<CreatedSupabaseHook>(`POST ${path}`, { name: "Ours", ...input }, { key });
  expect(status).toBe(201);
  return { id: body.id, secret: body.secret ?? String(input["secret"]) };
}

/** As Supabase does: a user with more than is asked for, a number without the plus. */
const payload = (change: { user?: object; sms?: object } = {}) =>
  JSON.stringify({
    user: { id: userId, aud: "authenticated", phone, identities: [{ provider: "phone" }], ...change.user },
    sms: { otp, ...change.sms },
    metadata: { ip_address: "203.0.113.7" },
  });

const long = (length: number) => payload({ user: { user_metadata: "x".repeat(length) } });

interface Sent {
  id: string;
  secret: string;
  secrets?: string[];
  body?: string;
  headers?: Record<string, string>;
}

async function send({
  id,
  secret,
  secrets = [secret],
  body = payload(),
  headers = {},
}: Sent): Promise<Answer<Outcome>> {
  const timestamp = Math.floor(edge.services.now().getTime() / 1000);
  const messageId = randomUUID();
  const signature = await signWebhook({ secrets, id: messageId, timestamp, body });
  const answer = await edge.api<Outcome>(`POST ${path}/${id}`, body, {
    key: null,
    headers: {
      "webhook-id": messageId,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": signature,
      ...headers,
    },
  });
  await edge.settled();
  return answer;
}

const codes = async () => {
  const rows = await edge.rows("SELECT sealed_code FROM verification WHERE status = 'pending' ORDER BY id");
  return Promise.all(rows.map((row) => edge.unseal(String(row["sealed_code"]))));
};
const nothingSent = async () => expect([await edge.count("message"), edge.jobs.length]).toEqual([0, 0]);

/** Every value of every row, and every line of the log. */
async function everything(): Promise<string> {
  const tables = await edge.rows("SELECT name FROM sqlite_master WHERE type = 'table'");
  const all = await Promise.all(tables.map(({ name }) => edge.rows(`SELECT * FROM "${String(name)}"`)));
  return JSON.stringify([all, edge.logs, edge.jobs]);
}

describe("a code of Supabase Auth", () => {
  it("is sealed for the connector just as Supabase made it, and answered with an empty object", async () => {
    const answer = await send(await addHook({ companyName: "Toko", locale: "id" }));
    expect([answer.status, answer.text]).toEqual([200, "{}"]);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await codes()).toEqual([{ to: `+${phone}`, code: otp }]);
    const [row] = await edge.rows("SELECT * FROM verification");
    expect(row).toMatchObject({
      workspace_id: edge.workspace.id,
      purpose: "supabase",
      mode: "push",
      has_known_code: 1,
      test: 0,
      locale: "id",
      metadata: JSON.stringify({ supabaseUserId: userId }),
    });
    expect(row?.["text"]).toContain("Toko");
    expect(edge.jobs.map(({ kind }) => kind)).toEqual(["send"]);
  });

  it("is in no table and no log in clear, nor is the number", async () => {
    const hook = await addHook();
    expect((await send(hook)).status).toBe(200);
    await send(hook);
    await send({ ...hook, body: payload({ sms: { otp: "957351" } }) });
    const all = await everything();
    for (const text of [otp, "957351", phone, hook.secret, hook.secret.slice(9)]) expect(all).not.toContain(text);
  });

  it("goes to a number with a plus as well", async () => {
    await send({ ...(await addHook()), body: payload({ user: { phone: `+${phone}` } }) });
    expect(await codes()).toEqual([{ to: `+${phone}`, code: otp }]);
  });

  it("is sent once, however often the same is asked, also under another webhook-id", async () => {
    const hook = await addHook();
    for (let time = 0; time < 3; time++) {
      expect((await send(hook)).text).toBe("{}");
      edge.advance(61_000);
    }
    const headers = { "webhook-id": "msg_same" };
    const timestamp = Math.floor(edge.services.now().getTime() / 1000);
    const body = payload();
    const signature = await signWebhook({ secrets: [hook.secret], id: "msg_same", timestamp, body });
    const again = { ...hook, body, headers: { ...headers, "webhook-signature": signature } };
    expect([(await send(again)).text, (await send(again)).text]).toEqual(["{}", "{}"]);
    expect([await edge.count("message"), edge.jobs.length]).toEqual([1, 1]);
  });

  it("replaces the last one after the cooldown, and asks Supabase to wait before that", async () => {
    const hook = await addHook();
    await send(hook);
    const next = { ...hook, body: payload({ sms: { otp: "957351" } }) };
    const early = await send(next);
    expect([early.status, early.body]).toEqual([
      200,
      {
        error: {
          http_code: 429,
          message: "It is too early to send the code again. Try again in 30 seconds.",
        },
      },
    ]);
    expect(await codes()).toEqual([{ to: `+${phone}`, code: otp }]);
    edge.advance(30_000);
    expect((await send(next)).text).toBe("{}");
    expect(await codes()).toEqual([{ to: `+${phone}`, code: "957351" }]);
    const statuses = await edge.rows("SELECT status FROM verification ORDER BY id");
    expect(statuses).toEqual([{ status: "canceled" }, { status: "pending" }]);
  });

  it.each([
    [
      "a number of no country",
      { user: { phone: "12" } },
      400,
      /^The phone number is not a phone number of any country/,
    ],
    [
      "a number of the sandbox",
      { user: { phone: "99900000000" } },
      400,
      /^The phone number is a number of the sandbox/,
    ],
    ["no number", { user: { phone: undefined } }, 400, "/user/phone is required."],
    ["an empty number", { user: { phone: "" } }, 400, "/user/phone must not be empty."],
    ["a code that is too long", { sms: { otp: "12345678901" } }, 400, "/sms/otp must be 4 to 10 digits."],
    ["no code", { sms: { otp: undefined } }, 400, "/sms/otp is required."],
  ])("is refused in Supabase's words with %s", async (_, change, code, message) => {
    const answer = await send({ ...(await addHook()), body: payload(change) });
    expect([answer.status, answer.body.error?.http_code]).toEqual([200, code]);
    expect(answer.body.error?.message).toEqual(expect.stringMatching(message));
    await nothingSent();
  });

  it("is refused by what the workspace refuses", async () => {
    const hook = await addHook();
    await edge.client.execute(`UPDATE workspace SET policy = '{"countries":["BR"]}'`);
    expect((await send(hook)).body.error).toEqual({
      http_code: 403,
      message: "The workspace does not send to this country.",
    });
    await edge.client.execute(`UPDATE workspace SET policy = '{"countries":["*"]}'`);
    await edge.client.execute("UPDATE session SET state = 'ended'");
    expect((await send(hook)).body.error?.http_code).toBe(409);
    await nothingSent();
  });

  it("has the hook's template", async () => {
    const made = await edge.api<{ id: string }>("POST /v1/templates", template);
    await send(await addHook({ templateId: made.body.id, companyName: "Toko" }));
    const [row] = await edge.rows("SELECT text, template_id FROM verification");
    expect(row?.["template_id"]).toBe(made.body.id);
    expect(row?.["text"]).toContain("Hello from Toko");
  });

  it("counts for the hook's limit and the workspace's, and is answered in Supabase's form", async () => {
    const hook = await addHook();
    const seen: unknown[] = [];
    edge.redis = ([, , count, ...rest]) => {
      seen.push(...rest.slice(0, Number(count)));
      return Promise.resolve(limitAnswer(count, [0, 99_999, 1000]));
    };
    const { status, body } = await send(hook);
    expect([status, body.error?.http_code]).toEqual([200, 429]);
    const { id } = edge.workspace;
    const names = [`key:${hook.id}`, "workspace:live", "workspace-sends:live"];
    expect(seen.slice(0, 3)).toEqual(names.map((name) => `limit:{${id}}:${name}`));
    await nothingSent();
  });

  it("is answered 503 with Retry-After while the database does not answer, so that Supabase asks again", async () => {
    const hook = await addHook();
    const { db } = edge.services;
    edge.services.db = { ...db, write: () => Promise.reject(new DatabaseFetchError("down")) };
    const answer = await send(hook);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    edge.services.db = db;
    expect((await send(hook)).text).toBe("{}");
  });
});

describe("a request to a hook", () => {
  it("has the signature that the library of Standard Webhooks makes", async () => {
    const hook = await addHook();
    const body = payload();
    const at = edge.services.now();
    const theirs = new Webhook(hook.secret.replace("v1,", "")).sign("msg_1", at, body);
    const headers = { "webhook-id": "msg_1", "webhook-signature": theirs };
    expect((await send({ ...hook, body, headers })).text).toBe("{}");
  });

  it("is refused alike with an unknown id, another workspace's secret and a wrong signature, and leaves no trace", async () => {
    const hook = await addHook();
    const stranger = await edge.addWorkspace("Other");
    const other = await addHook({}, stranger.key);
    const later = String(Math.floor(edge.services.now().getTime() / 1000) + 301);
    const now = Math.floor(edge.services.now().getTime() / 1000);
    const old = await signWebhook({ secrets: [hook.secret], id: "msg_1", timestamp: now - 301, body: payload() });
    const attempts: Sent[] = [
      { ...hook, id: "hook_01jd3k9v7hq2w8x5n4b6m0c1ta" },
      { ...hook, id: "nonsense" },
      { ...hook, secret: other.secret },
      { ...hook, secret: generateWebhookSecret(webRandom) },
      { ...hook, headers: { "webhook-signature": "v1,AAAA" } },
      { ...hook, headers: { "webhook-signature": "" } },
      { ...hook, headers: { "webhook-id": "msg_other" } },
      { ...hook, headers: { "webhook-timestamp": later } },
      {
        ...hook,
        headers: { "webhook-id": "msg_1", "webhook-timestamp": String(now - 301), "webhook-signature": old },
      },
    ];
    for (const attempt of attempts) {
      const { status, body, headers } = await send(attempt);
      const { requestId: _, ...rest } = body;
      expect([status, rest]).toEqual([
        401,
        {
          type: "https://api.test/problems/signature-invalid",
          title: "The webhook's signature is not valid",
          status: 401,
          code: "signature-invalid",
          retryable: false,
        },
      ]);
      expect(headers.get("ratelimit")).toBeNull();
    }
    await nothingSent();
    expect(await edge.count("verification")).toBe(0);
  });

  it("is refused when its body was changed by a byte", async () => {
    const hook = await addHook();
    const timestamp = Math.floor(edge.services.now().getTime() / 1000);
    const signature = await signWebhook({ secrets: [hook.secret], id: "msg_1", timestamp, body: payload() });
    const body = payload().replace("890", "891");
    const headers = { "webhook-id": "msg_1", "webhook-signature": signature };
    expect((await send({ ...hook, body, headers })).status).toBe(401);
    await nothingSent();
  });

  it("takes no API key in the signature's place", async () => {
    const hook = await addHook();
    const { status } = await edge.api(`POST ${path}/${hook.id}`, payload());
    expect(status).toBe(401);
  });

  it("may be long, but not without end", async () => {
    const hook = await addHook();
    expect((await send({ ...hook, body: long(100_000) })).text).toBe("{}");
    expect((await send({ ...hook, body: long(300_000) })).status).toBe(413);
  });

  it("stays in the hook's workspace", async () => {
    const stranger = await edge.addWorkspace("Other");
    await edge.addSession("online", stranger.id);
    await send(await addHook({}, stranger.key));
    expect(await edge.rows("SELECT workspace_id FROM verification")).toEqual([{ workspace_id: stranger.id }]);
    const list = await edge.api<{ verifications: unknown[] }>("GET /v1/verifications");
    expect(list.body.verifications).toEqual([]);
  });
});

describe("a Supabase hook", () => {
  it("answers the secret that was made once, and never again; it is sealed", async () => {
    const answer = await edge.api<CreatedSupabaseHook>(`POST ${path}`, { name: "Ours" });
    const { secret, ...hook } = answer.body;
    expect(secret).toMatch(/^v1,whsec_[A-Za-z0-9+/]{43}=$/);
    expect(hook).toMatchObject({
      name: "Ours",
      url: `https://api.test${path}/${hook.id}`,
      companyName: null,
      locale: null,
      templateId: null,
      previousSecretUntil: null,
    });
    expect(answer.headers.get("location")).toBe(`${path}/${hook.id}`);
    const list = await edge.api<{ hooks: SupabaseHook[] }>(`GET ${path}`);
    expect(list.body.hooks).toEqual([hook]);
    expect(await everything()).not.toContain(String(secret).slice(9));
  });

  it("takes Supabase's secret, and does not answer it", async () => {
    const secret = `v1,${generateWebhookSecret(webRandom)}`;
    const { body, text } = await edge.api<CreatedSupabaseHook>(`POST ${path}`, { name: "Ours", secret });
    expect(body.secret).toBeNull();
    expect(text).not.toContain(secret.slice(9));
    expect((await send({ id: body.id, secret })).text).toBe("{}");
  });

  it.each(["nonsense", "v1,whsec_short", `whsec_${"A".repeat(33)}`, `v2,${generateWebhookSecret(webRandom)}`])(
    "refuses the secret %s",
    async (secret) => {
      const { status, body } = await edge.api(`POST ${path}`, { name: "Ours", secret });
      expect([status, body.errors?.[0]?.pointer]).toEqual([400, "/secret"]);
    },
  );

  it("is made once for one Idempotency-Key, and a replay is without the secret", async () => {
    const headers = { "idempotency-key": "hook-1" };
    const make = () => edge.api<CreatedSupabaseHook>(`POST ${path}`, { name: "Ours" }, { headers });
    const first = await make();
    for (const settle of [false, true]) {
      if (settle) await edge.settled();
      const again = await make();
      expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([201, "true"]);
      expect(again.body).toEqual({ ...first.body, secret: null });
    }
    expect(await edge.count("supabase_hook")).toBe(1);
    expect(await everything()).not.toContain(String(first.body.secret).slice(9));
    const other = await edge.api(`POST ${path}`, { name: "Theirs" }, { headers });
    expect([other.status, other.body.code]).toEqual([422, "idempotency-key-reused"]);
  });

  it("takes a new secret at once and the old one for 24 hours more, and no other", async () => {
    const hook = await addHook();
    const next = `v1,${generateWebhookSecret(webRandom)}`;
    const { status, body, text } = await edge.api<SupabaseHook>(`PATCH ${path}/${hook.id}`, { secret: next });
    const until = new Date(edge.services.now().getTime() + 86_400_000).toISOString();
    expect([status, body.previousSecretUntil]).toEqual([200, until]);
    expect(text).not.toContain(next.slice(9));
    // The same again changes nothing, and does not forget the old one.
    await edge.api(`PATCH ${path}/${hook.id}`, { secret: next });
    const body2 = payload({ sms: { otp: "957351" } });
    expect((await send(hook)).text).toBe("{}");
    edge.advance(60_000);
    expect((await send({ ...hook, secret: next, body: body2 })).text).toBe("{}");
    // Both at once, as Supabase signs during a rotation of its own.
    const both = [generateWebhookSecret(webRandom), next];
    expect((await send({ ...hook, secrets: both, body: body2 })).text).toBe("{}");
    edge.advance(86_400_000 - 60_000);
    expect((await send({ ...hook, body: payload({ sms: { otp: "112233" } }) })).status).toBe(401);
    expect((await send({ ...hook, secret: next, body: payload({ sms: { otp: "112233" } }) })).text).toBe("{}");
    expect(await everything()).not.toContain(next.slice(9));
  });

  it("is changed and deleted by its workspace alone, and that is in the audit log without the secret", async () => {
    const hook = await addHook();
    const stranger = await edge.addWorkspace("Other");
    for (const request of [`PATCH ${path}/${hook.id}`, `DELETE ${path}/${hook.id}`]) {
      const { status, body } = await edge.api(request, request.startsWith("PATCH") ? { name: "x" } : undefined, {
        key: stranger.key,
      });
      expect([status, body.code]).toEqual([404, "hook-not-found"]);
    }
    expect((await edge.api<{ hooks: [] }>(`GET ${path}`, undefined, { key: stranger.key })).body.hooks).toEqual([]);
    const secret = generateWebhookSecret(webRandom);
    edge.advance(1);
    const changed = await edge.api<SupabaseHook>(`PATCH ${path}/${hook.id}`, { name: "New", locale: "id", secret });
    expect(changed.body).toMatchObject({ name: "New", locale: "id", companyName: null });
    await edge.api(`PATCH ${path}/${hook.id}`, { name: "New" });
    edge.advance(1);
    expect((await edge.api(`DELETE ${path}/${hook.id}`)).status).toBe(204);
    expect((await edge.api(`DELETE ${path}/${hook.id}`)).status).toBe(404);
    expect((await send(hook)).status).toBe(401);
    const { body, text } = await edge.api<z.infer<typeof AuditList>>("GET /v1/audit");
    expect(body.entries.map(({ action, target, detail }) => [action, target, detail])).toEqual([
      ["hook.deleted", hook.id, {}],
      [
        "hook.updated",
        hook.id,
        { name: { from: "Ours", to: "New" }, locale: { from: null, to: "id" }, secret: "replaced" },
      ],
      ["hook.created", hook.id, { name: "Ours", companyName: null, locale: null, templateId: null }],
    ]);
    expect(text).not.toContain(secret.slice(6));
  });

  it("gives no more powers than its key has: the key must have otp:custom", async () => {
    const key = await edge.addKey(edge.workspace.id, ["key:manage", "otp:send"]);
    const hook = await addHook();
    for (const [request, input] of [
      [`POST ${path}`, { name: "x" }],
      [`PATCH ${path}/${hook.id}`, { secret: generateWebhookSecret(webRandom) }],
    ] as const) {
      const { status, body } = await edge.api(request, input, { key });
      expect([status, body.code]).toEqual([403, "insufficient-scope"]);
    }
    await edge.client.execute("UPDATE api_key SET revoked_at = 1");
    const { status } = await edge.api(`POST ${path}`, { name: "late" });
    expect([status, await edge.count("supabase_hook")]).toEqual([401, 1]);
  });

  it("names a template of its workspace or none", async () => {
    const stranger = await edge.addWorkspace("Other");
    const theirs = await edge.api<{ id: string }>("POST /v1/templates", template, { key: stranger.key });
    const { status, body } = await edge.api(`POST ${path}`, { name: "x", templateId: theirs.body.id });
    expect([status, body.code, body.errors?.[0]?.pointer]).toEqual([404, "template-not-found", "/templateId"]);
    expect(await edge.count("supabase_hook")).toBe(0);
  });

  it("is one of so many", async () => {
    const ctx = await edge.contextOf();
    const input = { name: "x", companyName: null, locale: null, templateId: null };
    await createHook(ctx, { input, idempotencyKey: undefined }, 1);
    const second = createHook(ctx, { input, idempotencyKey: undefined }, 1);
    await expect(second).rejects.toMatchObject({ code: "hook-limit-reached" });
  });

  it("whose answer was lost is there, or was never made", async () => {
    const { db } = edge.services;
    const failing = (isStored: boolean): typeof db => {
      let isFirst = true;
      return {
        ...db,
        write: (async (statements: Parameters<typeof db.write>[0]) => {
          if (!isFirst) return db.write(statements);
          isFirst = false;
          if (isStored) await db.write(statements);
          throw new DatabaseFetchError("lost");
        }) as typeof db.write,
      };
    };
    edge.services.db = failing(true);
    const there = await edge.api<CreatedSupabaseHook>(`POST ${path}`, { name: "there" });
    edge.services.db = failing(false);
    const not = await edge.api(`POST ${path}`, { name: "not" });
    edge.services.db = failing(true);
    const changed = await edge.api<SupabaseHook>(`PATCH ${path}/${there.body.id}`, { name: "changed" });
    edge.services.db = db;
    expect([there.status, not.status, changed.status, changed.body.name]).toEqual([201, 503, 200, "changed"]);
    expect(await edge.rows("SELECT name FROM supabase_hook")).toEqual([{ name: "changed" }]);
    expect((await send({ id: there.body.id, secret: String(there.body.secret) })).text).toBe("{}");
  });
});
