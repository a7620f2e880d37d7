import {
  type CreateVerification,
  Policy,
  Quota,
  type Template,
  type TemplatePreview,
  type TemplateTexts,
  type Verification,
} from "@sandi/contracts";
import { LibsqlError } from "@libsql/client";
import { describe, expect, it } from "vitest";
import type { Actor } from "../src/actor.ts";
import type { Context } from "../src/context.ts";
import { createTemplate } from "../src/templates/create-template.ts";
import { textFor } from "../src/templates/text-for.ts";
import type { Edge, Workspace } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

const en = "{{company}} login\n*{{code}}*\nGood for {{minutes}} min.";
const input = (more: object = {}) => ({ name: "Login", purpose: "login", texts: { en }, ...more });
const create = (more: object = {}, options = {}) => edge.api<Template>("POST /v1/templates", input(more), options);
const unknown = "tpl_01jd3k9v7hq2w8x5n4b6m0c1ta";

const actorOf = ({ id }: Workspace = edge.workspace, policy: object = {}): Actor => ({
  by: { kind: "key", id: "key_01jd3k9v7hq2w8x5n4b6m0c1ta" },
  workspaceId: id,
  workspaceName: "Acme",
  workspaceCreatedAt: 0,
  policy: Policy.parse(policy),
  quota: Quota.parse({}),
  ipAllowList: [],
  environment: "live",
  scopes: new Set(),
  expiresAt: null,
});
const contextOf = (actor = actorOf()): Context => ({
  services: edge.services,
  actor,
  trace: undefined,
  requestId: "req_test",
});
const text = (body: Partial<CreateVerification> = {}, country = "US", ctx = contextOf()) =>
  textFor(ctx, { body: { purpose: "login", ...body }, country });

describe("a template", () => {
  it("is created, listed, found, replaced and deleted", async () => {
    const { status, body, headers } = await create();
    expect([status, headers.get("location")]).toEqual([201, `/v1/templates/${body.id}`]);
    const times = { createdAt: "2026-11-21T08:00:00.000Z", updatedAt: "2026-11-21T08:00:00.000Z" };
    expect(body).toEqual({ id: body.id, ...input(), ...times });
    expect((await edge.api("GET /v1/templates")).body).toEqual({ templates: [body] });
    expect((await edge.api(`GET /v1/templates/${body.id}`)).body).toEqual(body);

    edge.advance(1000);
    const other = { name: "Other", texts: { id: "*{{code}}*" } };
    const replaced = await edge.api<Template>(`PUT /v1/templates/${body.id}`, other);
    const updated = { ...body, ...other, purpose: null, updatedAt: "2026-11-21T08:00:01.000Z" };
    expect([replaced.status, replaced.body]).toEqual([200, updated]);
    expect((await edge.api(`GET /v1/templates/${body.id}`)).body).toEqual(updated);

    expect((await edge.api(`DELETE /v1/templates/${body.id}`)).status).toBe(204);
    for (const request of [`GET /v1/templates/${body.id}`, `DELETE /v1/templates/${body.id}`, "GET /v1/templates/x"]) {
      const gone = await edge.api(request);
      expect([gone.status, gone.body.code]).toEqual([404, "template-not-found"]);
    }
    expect((await edge.api(`PUT /v1/templates/${body.id}`, other)).body.code).toBe("template-not-found");
  });

  it("leaves a line in the audit log with each change, and none without one", async () => {
    const { body } = await create();
    await create();
    await edge.api(`PUT /v1/templates/${body.id}`, input({ name: "Renamed" }));
    await edge.api(`PUT /v1/templates/${unknown}`, input({ name: "Nothing", purpose: null }));
    await edge.api(`DELETE /v1/templates/${body.id}`);
    await edge.api(`DELETE /v1/templates/${body.id}`);
    const [key] = await edge.rows("SELECT id FROM api_key");
    const rows = await edge.rows(
      "SELECT substr(id, 1, 4) AS id, actor, action, target, detail FROM audit ORDER BY created_at, rowid",
    );
    const entry = (action: string, detail: object) => ({
      id: "aud_",
      actor: key?.["id"],
      action,
      target: body.id,
      detail: JSON.stringify(detail),
    });
    expect(rows).toEqual([
      entry("template.created", { name: "Login", purpose: "login", locales: ["en"] }),
      entry("template.updated", { name: "Renamed", purpose: "login", locales: ["en"] }),
      entry("template.deleted", {}),
    ]);
  });

  it("is created once for one Idempotency-Key", async () => {
    const options = { headers: { "idempotency-key": "t" } };
    const first = await create({}, options);
    const again = await create({}, options);
    expect([again.status, again.body, await edge.count("template")]).toEqual([201, first.body, 1]);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect((await create({ name: "Other" }, options)).body.code).toBe("idempotency-key-reused");
    expect(await edge.count("audit")).toBe(1);
  });

  it("has its name and its purpose to itself", async () => {
    const { body: first } = await create();
    const same = await create();
    expect([same.status, same.body.code, same.body.errors?.map(({ pointer }) => pointer)]).toEqual([
      409,
      "template-exists",
      ["/name", "/purpose"],
    ]);
    const { body: second } = await create({ name: "Other", purpose: null });
    await create({ name: "Third", purpose: null });
    expect((await create({ purpose: null })).body.errors?.map(({ pointer }) => pointer)).toEqual(["/name"]);
    const taken = await edge.api(`PUT /v1/templates/${second.id}`, input({ name: "Other" }));
    expect([taken.status, taken.body.errors?.map(({ pointer }) => pointer)]).toEqual([409, ["/purpose"]]);
    expect((await edge.api(`PUT /v1/templates/${first.id}`, input())).status).toBe(200);
  });

  it("is one of a hundred at most", async () => {
    await create();
    const refused = createTemplate(
      await edge.contextOf(),
      { input: { name: "b", purpose: null, texts: { en } }, idempotencyKey: undefined },
      1,
    );
    await expect(refused).rejects.toMatchObject({ code: "template-limit-reached" });
    expect([await edge.count("template"), await edge.count("audit")]).toEqual([1, 1]);
  });

  it("is not there for another workspace, whose own may bear the same name and purpose", async () => {
    const { body } = await create();
    const { key } = await edge.addWorkspace("Other");
    for (const [request, sent] of [
      [`GET /v1/templates/${body.id}`],
      [`PUT /v1/templates/${body.id}`, input()],
      [`DELETE /v1/templates/${body.id}`],
      ["POST /v1/templates/preview", { templateId: body.id }],
    ] as const) {
      const answer = await edge.api(request, sent, { key });
      expect([request, answer.status, answer.body.code]).toEqual([request, 404, "template-not-found"]);
    }
    expect((await edge.api("GET /v1/templates", undefined, { key })).body).toEqual({ templates: [] });
    expect((await create({}, { key })).status).toBe(201);
    expect((await edge.api("GET /v1/templates")).body).toEqual({ templates: [body] });
  });

  it("is written with key:manage, and read with otp:send", async () => {
    const { body } = await create();
    const reader = await edge.addKey(edge.workspace.id, ["otp:send"]);
    const stranger = await edge.addKey(edge.workspace.id, ["otp:check"]);
    const requests: [string, object?][] = [
      ["POST /v1/templates", input({ name: "b", purpose: null })],
      [`PUT /v1/templates/${body.id}`, input()],
      [`DELETE /v1/templates/${body.id}`],
      ["GET /v1/templates"],
      [`GET /v1/templates/${body.id}`],
      ["GET /v1/templates/built-in"],
      ["POST /v1/templates/preview", {}],
    ];
    const statuses = async (key: string) =>
      Promise.all(requests.map(async ([request, sent]) => (await edge.api(request, sent, { key })).status));
    expect(await statuses(reader)).toEqual([403, 403, 403, 200, 200, 200, 200]);
    expect(await statuses(stranger)).toEqual([403, 403, 403, 403, 403, 403, 403]);
    // A template that a test key changes would be sent by live keys.
    const testKey = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect(await statuses(testKey)).toEqual([403, 403, 403, 200, 200, 200, 200]);
  });

  it("is not left behind when the database's answers are lost", async () => {
    const { db } = edge.services;
    const lost = new LibsqlError("lost", "SERVER_ERROR");
    let answers = [false, true];
    edge.services.db = {
      ...db,
      async write(queries) {
        const results = await db.write(queries);
        if (answers.shift() === false) throw lost;
        return results;
      },
    };
    const found = await create();
    expect([found.status, await edge.count("template"), await edge.count("audit")]).toEqual([201, 1, 1]);

    answers = [false, false, true];
    const failed = await create({ name: "b", purpose: null });
    expect(failed.status).toBe(503);
    await edge.settled();
    expect((await edge.rows("SELECT name FROM template")).map(({ name }) => name)).toEqual(["Login"]);
    expect((await edge.rows("SELECT action FROM audit ORDER BY rowid")).map(({ action }) => action)).toEqual([
      "template.created",
      "template.not_created",
    ]);

    answers = [false];
    const renamed = await edge.api<Template>(`PUT /v1/templates/${found.body.id}`, input({ name: "c" }));
    expect([renamed.status, renamed.body.name]).toEqual([200, "c"]);
    answers = [false];
    expect((await edge.api(`DELETE /v1/templates/${found.body.id}`)).status).toBe(204);
  });

  it("is not made any more by a write that comes late, after it was answered with 503", async () => {
    const { db } = edge.services;
    const late: (() => Promise<unknown>)[] = [];
    edge.services.db = {
      ...db,
      write(queries) {
        if (late.length > 0) return db.write(queries);
        late.push(() => db.write(queries));
        return Promise.reject(new LibsqlError("lost", "SERVER_ERROR"));
      },
    };
    expect((await create()).status).toBe(503);
    for (const write of late) await expect(write()).rejects.toThrow("write_receipt");
    expect(await edge.count("template")).toBe(0);
  });
});

describe("a text", () => {
  it.each([
    ["no code at all", /exactly once/],
    ["*{{code}}*\n*{{code}}*", /exactly once/],
    ["Your code: {{code}}", /alone on its line/],
    ["*{{code}}", /alone on its line/],
    ["*{{code}}*\n{{name}}", /\{\{name\}\}, which is not a variable/],
    ["*{{code}}*\n{{ minutes }}", /not a variable/],
    ["*{{code}}*\n{{minutes}", /brace/],
    ["*{{code}}*\n{", /brace/],
    ["*{{code}}*\n{{{minutes}}}", /brace/],
    ["*{{code}}*\nhttps://acme", /link/],
    ["*{{code}}*\nSee acme.example for more", /link/],
    ["*{{code}}*\n{{company}}.com", /link/],
    ["*{{code}}*\nwww.{{payee}}", /link/],
    ["*{{code}}*\nacme*.*example", /link/],
    ["*{{code}}*\nacme\u200d.example", /link/],
    ["*{{code}}*\na\u202eb", /invisible/],
    ["*{{code}}*\na\u0007b", /invisible/],
    ["*{{code}}*\na\u2028b", /invisible/],
    ["*{{code}}*\na\u2068b", /invisible/],
    [`*{{code}}*\n${"a".repeat(700)}`, /at most 700 characters/],
    ["", /must not be empty/],
  ])("%j is refused with its place and the reason", async (id, reason) => {
    for (const [request, sent] of [
      ["POST /v1/templates", input({ texts: { en, id } })],
      ["POST /v1/templates/preview", { texts: { en, id } }],
    ] as const) {
      const { status, body } = await edge.api(request, sent);
      expect([status, body.code, body.errors?.[0]?.pointer]).toEqual([400, "invalid-request", "/texts/id"]);
      expect(body.errors?.map(({ message }) => message).join()).toMatch(reason);
    }
    expect(await edge.count("template")).toBe(0);
  });

  it.each([
    "{{code}}",
    "\n  ```{{code}}```  \n",
    "Hi!\r\n*_{{code}}_*\r\n{{minutes}} min. {{company}}, v1.5, J.P. Morgan & Co.",
    "*{{code}}*\nपर\u200dक्ष 👨‍👩‍👧 {{amount}} {{payee}} {{purpose}}",
  ])("%j is taken", async (one) => {
    expect((await create({ texts: { en: one } })).status).toBe(201);
  });

  it.each([
    [{}, "/texts"],
    [{ de: en }, "/texts/de"],
    [{ en: 7 }, "/texts/en"],
    [[en], "/texts"],
  ])("%j are no texts", async (texts, pointer) => {
    const { status, body } = await create({ texts });
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, pointer]);
  });

  it.each([
    [{ name: undefined }, "/name"],
    [{ texts: undefined }, "/texts"],
    [{ name: "" }, "/name"],
    [{ name: "a\nb" }, "/name"],
    [{ name: "a".repeat(65) }, "/name"],
    [{ purpose: "Login" }, "/purpose"],
    [{ color: "red" }, "/color"],
  ])("comes with fields that are checked: %j", async (more, pointer) => {
    const { status, body } = await create(more);
    expect([status, body.errors?.map((each) => each.pointer)]).toEqual([400, [pointer]]);
  });
});

describe("a verification", () => {
  const bind = { amount: "IDR 150,000", payee: "Toko Makmur" };

  it("has the built-in text where there is no template, in the language that fits", async () => {
    expect(await text()).toEqual({
      text: "*Acme* verification code\n\n*{{code}}*\n\nIt expires in {{minutes}} min.\nDo not share this code with anyone, not even with us.",
      locale: "en",
      templateId: "",
    });
    const named = async (country: string, requested?: "ar", policy = {}) =>
      (await text(requested ? { locale: requested } : {}, country, contextOf(actorOf(edge.workspace, policy)))).locale;
    expect(await named("ID")).toBe("id");
    expect(await named("BR")).toBe("pt-BR");
    expect(await named("SN")).toBe("fr");
    expect(await named("")).toBe("en");
    expect(await named("ID", undefined, { locale: "tr" })).toBe("tr");
    expect(await named("ID", "ar", { locale: "tr" })).toBe("ar");
  });

  it("has the template that it names, else that of its purpose, in a language that the template has", async () => {
    const { body: login } = await create({ texts: { en, id: "Masuk\n*{{code}}*" } });
    const { body: other } = await create({ name: "Other", purpose: null, texts: { fr: "Bonjour\n*{{code}}*" } });
    expect(await text({}, "ID")).toEqual({ text: "Masuk\n*{{code}}*", locale: "id", templateId: login.id });
    expect(await text({}, "BR")).toMatchObject({ locale: "en", templateId: login.id });
    expect(await text({ templateId: other.id }, "ID")).toEqual({
      text: "Bonjour\n*{{code}}*",
      locale: "fr",
      templateId: other.id,
    });
    expect(await text({ purpose: "payment" }, "ID")).toMatchObject({ locale: "id", templateId: "" });
    await expect(text({ templateId: unknown })).rejects.toMatchObject({
      code: "template-not-found",
      extras: { errors: [{ pointer: "/templateId" }] },
    });
  });

  it("never has another workspace's template", async () => {
    const { body } = await create();
    const other = contextOf(actorOf(await edge.addWorkspace()));
    await text();
    expect((await text({}, "", other)).templateId).toBe("");
    await expect(text({ templateId: body.id }, "", other)).rejects.toMatchObject({ code: "template-not-found" });
  });

  it("asks the database at most once a minute, also for a workspace without templates", async () => {
    await text();
    edge.calls.database = 0;
    edge.advance(59_999);
    await text();
    expect(edge.calls.database).toBe(0);
    edge.advance(1);
    await text();
    expect(edge.calls.database).toBe(1);
  });

  it("asks once for a whole batch, also for a template that is not there", async () => {
    edge.calls.database = 0;
    const batch = contextOf();
    const one = (body = {}) => text(body, "US", batch);
    const results = await Promise.allSettled([one(), one(), one({ templateId: unknown }), one()]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    await Promise.allSettled([one({ templateId: unknown }), one({ templateId: unknown })]);
    expect(edge.calls.database).toBe(2);
  });

  it("caches no more workspaces than its maximum", async () => {
    const { templateCache } = edge.services;
    for (let i = 0; i < 999; i++) templateCache.set(`ws_${i}`, { templates: [], size: 0, at: 0 });
    templateCache.set("ws_large", { templates: [], size: 7_999_950, at: 0 });
    await create();
    await text();
    expect([templateCache.size, templateCache.has("ws_0"), templateCache.has("ws_large")]).toEqual([1, false, false]);
    for (let i = 0; i < 1100; i++) templateCache.set(`ws_${i}`, { templates: [], size: 0, at: 0 });
    templateCache.delete(edge.workspace.id);
    await text();
    expect([templateCache.size, templateCache.has("ws_100"), templateCache.has("ws_101")]).toEqual([1000, false, true]);
  });

  it("has a change at once here, and a template that was made elsewhere as soon as it is named", async () => {
    await text();
    const { body } = await create();
    expect((await text()).templateId).toBe(body.id);
    await edge.api(`PUT /v1/templates/${body.id}`, input({ texts: { en: "*{{code}}*" } }));
    expect((await text()).text).toBe("*{{code}}*");
    await edge.api(`DELETE /v1/templates/${body.id}`);
    expect((await text()).templateId).toBe("");
    await edge.client.execute({
      sql: "INSERT INTO template VALUES (?, ?, 'Elsewhere', 'login', ?, 0, 0)",
      args: [unknown, edge.workspace.id, JSON.stringify({ en })],
    });
    expect((await text()).templateId).toBe("");
    expect((await text({ templateId: unknown })).templateId).toBe(unknown);
    expect((await text()).templateId).toBe(unknown);
  });

  it("bears the request's company, else the policy's, else the workspace's name", async () => {
    const policy = { companyName: "Policy" };
    const first = async (companyName?: string, actor = actorOf()) =>
      (await text(companyName === undefined ? {} : { companyName }, "", contextOf(actor))).text.split("\n")[0];
    expect(await first()).toBe("*Acme* verification code");
    expect(await first(undefined, actorOf(edge.workspace, policy))).toBe("*Policy* verification code");
    expect(await first("Request", actorOf(edge.workspace, policy))).toBe("*Request* verification code");
    const old = { ...actorOf(), workspaceName: "https://evil.example" };
    expect(await first(undefined, old)).toBe("*Sandi* verification code");
  });

  it("shows what its code is bound to, whether the template has a place for it or not", async () => {
    const shown = async (one: string, bound: CreateVerification["bind"]) => {
      await edge.api(`PUT /v1/templates/${id}`, input({ texts: { en: one } }));
      return (await text({ bind: bound })).text;
    };
    const { id } = (await create()).body;
    const own = "Pay {{amount}}\nto {{payee}}\n\n*{{code}}*";
    expect(await shown(own, bind)).toBe("Pay IDR 150,000\nto Toko Makmur\n\n*{{code}}*");
    expect(await shown(own, undefined)).toBe("*{{code}}*");
    expect(await shown(own, { payee: "Toko" })).toBe("to Toko\n\n*{{code}}*");
    expect(await shown("Hi\n\n*{{code}}*", bind)).toBe("Hi\n\nIDR 150,000 to Toko Makmur\n\n*{{code}}*");
    expect(await shown("Hi:\n*{{code}}*", bind)).toBe("Hi:\nIDR 150,000 to Toko Makmur\n*{{code}}*");
    expect(await shown("*{{code}}*", bind)).toBe("IDR 150,000 to Toko Makmur\n\n*{{code}}*");
    expect(await shown("{{amount}}:\n*{{code}}*", bind)).toBe("IDR 150,000:\nRecipient: Toko Makmur\n*{{code}}*");
    const joint = "Hi\n{{amount}} for {{payee}}\n*{{code}}*";
    expect(await shown(joint, { amount: "1 USD" })).toBe("Hi\nAmount: 1 USD\n*{{code}}*");
  });
});

const preview = (body: object) => edge.api<TemplatePreview>("POST /v1/templates/preview", body);
const codes = async (body: object) => (await preview(body)).body.warnings.map(({ code }) => code);

describe("through the front door", () => {
  const to = "+6281234567890";

  it("a message is written with the template, in one call to the database once the templates are known", async () => {
    await edge.addSession();
    const { body: stored } = await create({ texts: { en, id: "Masuk\n*{{code}}*\nBerlaku {{minutes}} menit." } });
    const policy = JSON.stringify({ countries: ["*"] });
    await edge.client.execute({ sql: "UPDATE workspace SET policy = ?", args: [policy] });
    edge.services.keyCache.clear();
    await edge.api("GET /v1/sessions");
    await text();
    await edge.settled();
    edge.calls.database = 0;
    const first = await edge.api<Verification>("POST /v1/verifications", { to, bind: { payee: "Toko" } });
    expect([first.status, first.body.templateId, first.body.locale, edge.calls.database]).toEqual([
      202,
      stored.id,
      "id",
      1,
    ]);
    const named = { to: "+6281234567891", locale: "tr", templateId: stored.id, companyName: "Kopi *Kita*" };
    await edge.api<Verification>("POST /v1/verifications", { ...named, expiresIn: 60 });
    await edge.api("POST /v1/verifications", { to: "+201001234567", purpose: "payment", bind: { amount: "10 USD" } });
    const rows = await edge.rows("SELECT template FROM message ORDER BY created_at, rowid");
    expect(rows.map((row) => row["template"])).toEqual([
      "Masuk\nPenerima: Toko\n*{{code}}*\nBerlaku 5 menit.",
      "Kopi Kita login\n*{{code}}*\nGood for 1 min.",
      expect.stringMatching(
        /\n\nالمبلغ: \u206810 USD\u2069\n\n\*\{\{code\}\}\*\n\nمدة صلاحيته بالدقائق: \u20685\u2069\n/u,
      ),
    ]);
  });

  it("a template that is not there is named, and nothing is sent", async () => {
    await edge.addSession();
    const { status, body } = await edge.api("POST /v1/verifications", { to, templateId: unknown });
    expect([status, body.code, body.errors?.map(({ pointer }) => pointer)]).toEqual([
      404,
      "template-not-found",
      ["/templateId"],
    ]);
    expect([await edge.count("verification"), await edge.count("message")]).toEqual([0, 0]);
  });
});

describe("a preview", () => {
  it("answers the text as it would be sent", async () => {
    const { status, body } = await preview({ locale: "id", companyName: "Kopi Kita" });
    expect([status, body]).toEqual([
      200,
      {
        text: "Kode verifikasi *Kopi Kita*\n\n*123456*\n\nBerlaku selama 5 menit.\nJangan bagikan kode ini kepada siapa pun, termasuk kepada kami.",
        locale: "id",
        warnings: [],
      },
    ]);
    const { body: stored } = await create();
    expect((await preview({ templateId: stored.id })).body.text).toBe("Acme login\n*123456*\nGood for 5 min.");
    expect((await preview({ texts: { en: "{{purpose}}\n{{code}}" }, purpose: "sign-up" })).body.text).toBe(
      "sign up\n123456",
    );
    expect(await edge.count("template")).toBe(1);
  });

  it("warns of what one may want otherwise", async () => {
    const bare: TemplateTexts = { en: "*{{code}}*" };
    expect(await codes({ texts: bare })).toEqual(["company-missing", "minutes-missing"]);
    expect(await codes({ texts: { en }, locale: "fr" })).toEqual(["locale-missing"]);
    expect(await codes({ bind: { amount: "1 USD" } })).toEqual(["bind-added"]);
    expect(await codes({ texts: { en: `${en}\n{{amount}}` } })).toEqual(["line-left-out"]);
    expect(await codes({ texts: { en: `${en}\n{{payee}}` }, bind: { payee: "evil.example" } })).toEqual([
      "value-changed",
    ]);
    expect(await codes({ companyName: "Kopi *Kita*" })).toEqual(["value-changed"]);
    expect(await codes({ texts: { en: `${en}\n${"a".repeat(300)}` } })).toEqual(["long"]);
  });

  it("is of one thing", async () => {
    const both = await preview({ templateId: unknown, texts: { en } });
    expect([both.status, both.body.errors?.map(({ pointer }) => pointer)]).toEqual([400, ["/texts"]]);
    const none = await preview({ templateId: unknown });
    expect([none.status, none.body.errors?.map(({ pointer }) => pointer)]).toEqual([404, ["/templateId"]]);
  });
});
