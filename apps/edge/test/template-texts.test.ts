import type { TemplateTexts } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { en, input, templateCalls, unknown } from "./template-calls.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const { create, preview } = templateCalls(() => edge);

const codes = async (body: object) => (await preview(body)).body.warnings.map(({ code }) => code);

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
