import { type CreateVerification, Policy, Quota, type Verification } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import type { Actor } from "../src/actor.ts";
import type { Context } from "../src/context.ts";
import { textFor } from "../src/templates/text-for.ts";
import type { Edge, Workspace } from "./harness.ts";
import { en, input, templateCalls, unknown } from "./template-calls.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const { create } = templateCalls(() => edge);

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
