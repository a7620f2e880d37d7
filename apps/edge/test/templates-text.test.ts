import { Bind, CompanyName, type Locale, locales, textProblems } from "@sandi/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { startEdge } from "./harness.ts";
import { builtIn } from "../src/templates/built-in.ts";
import { localeOf } from "../src/templates/locales.ts";
import { minutesPlaceholder, renderText } from "../src/templates/render.ts";

const render = (more: Partial<Parameters<typeof renderText>[0]> = {}) =>
  renderText({ locale: "en", companyName: "Acme", purpose: "login", ...more });
const bind = { amount: "USD 10", payee: "Toko" };
const marks = (text: string) => text.replaceAll(/[^*_~`]/g, "");

describe.each(locales.map((locale) => [locale] as const))("the built-in text in %s", (locale) => {
  it("has the code alone on its line, the company, the minutes, and a word against sharing, in 300 characters", () => {
    const { text } = builtIn[locale];
    expect(textProblems(text)).toEqual([]);
    const longest = { companyName: "W".repeat(40), bind: { amount: "8".repeat(30), payee: "W".repeat(60) } };
    expect(render({ locale, ...longest }).length).toBeLessThanOrEqual(340);
    const shown = render({ locale });
    expect(shown.length).toBeLessThanOrEqual(300);
    expect(shown.split("\n").filter((line) => line.includes("{{code}}"))).toEqual(["*{{code}}*"]);
    expect(shown.split(minutesPlaceholder)).toHaveLength(2);
    expect(shown.split("\n")[0]).toContain("Acme");
    expect(shown.split("\n").length).toBe(6);
  });

  it("shows the amount and the payee before the code, alone or together", () => {
    for (const bound of [bind, { amount: bind.amount }, { payee: bind.payee }]) {
      const lines = render({ locale, bind: bound }).split("\n");
      const at = lines.indexOf("*{{code}}*");
      expect([lines[at - 1], lines[at - 3]]).toEqual(["", ""]);
      for (const value of Object.values(bound)) expect(lines[at - 2]).toContain(value);
    }
  });
});

describe("a value", () => {
  const text = "_{{company}}_ {{purpose}}\n{{amount}}\n{{payee}}\n*{{code}}*";

  it("does not format, and does not end our formatting", () => {
    const shown = render({ text, companyName: "*A* _b_", bind: { amount: "~1~", payee: "`x` *y" } });
    expect(shown).toBe("_A b_ login\n∼1∼\nˋxˋ ∗y\n*{{code}}*");
    expect(render({ text: "*{{code}}*\n{{amount}}", bind: { amount: "100*000" } })).toContain("100∗000");
  });

  it("is not read as a variable, and brings no second code", () => {
    const shown = render({ text, bind: { amount: "{{code}}", payee: "{{payee}} {{minutes}}" } });
    expect(shown).toBe("_Acme_ login\n((code))\n((payee)) ((minutes))\n*{{code}}*");
    const apart = { text: "{{amount}}{{payee}}\n*{{code}}*", bind: { amount: "{{co", payee: "de}}" } };
    expect(render(apart)).toBe("((code))\n*{{code}}*");
  });

  it("stays on its line", () => {
    expect(render({ text, bind: { amount: "1\n2\u20283", payee: "a\r\n*{{code}}*" } }).split("\n")).toHaveLength(4);
  });

  it("is nothing to tap, alone or with its neighbour, and an amount stays an amount", () => {
    const payee = "Toko evil.example https://evil";
    expect(render({ bind: { payee } })).toContain("Toko evil\u2024example https\u2236//evil");
    const pair = {
      text: "{{company}}{{payee}}\n{{amount}}\n*{{code}}*",
      bind: { amount: "Rp. 1.500.000.000", payee: ".com" },
    };
    expect(render(pair)).toBe("Acme\u2024com\nRp. 1.500.000.000\n*{{code}}*");
  });

  it("makes no list and no quotation of its line", () => {
    for (const payee of ["> a", "- a", "1. a"]) {
      expect(render({ text: "{{payee}}\n*{{code}}*", bind: { payee } })).toBe(`\u2068${payee}\u2069\n*{{code}}*`);
    }
  });

  it("is isolated where the directions differ; the line of the code holds nothing else", () => {
    expect(render({ companyName: "شركة", bind: { payee: "Toko" } })).toMatch(/^\*\u2068شركة\u2069\* [^\u2068]+$/u);
    for (const locale of ["ar", "ur"] as const) {
      const shown = render({ locale, bind });
      for (const value of ["Acme", "USD 10", "Toko", minutesPlaceholder]) {
        expect(shown).toContain(`\u2068${value}\u2069`);
      }
      expect(shown.split("\n")).toContain("*{{code}}*");
    }
    for (const locale of ["en", "id", "es", "pt-BR", "fr", "hi", "tr"] as const) {
      expect(render({ locale, bind })).not.toMatch(/\p{Cf}/u);
    }
  });
});

const anything = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc
    .array(
      fc.constantFrom("{{code}}", "{", "}", "{{", "code}}", "*", "_", "~", "`", "\n", ".com", "\u2069", "a", " "),
      {
        maxLength: 12,
      },
    )
    .map((parts) => parts.join("")),
);
const texts = fc.constantFrom(
  undefined,
  "*{{company}}* {{amount}}{{payee}}\n_{{code}}_\n{{purpose}} {{minutes}}",
  "{{code}}",
  "```{{company}}```{{payee}}\n{{amount}}\n*{{code}}*",
);
const localesAny = fc.constantFrom(...locales);
const bindAny = fc.record({ amount: anything, payee: anything }, { requiredKeys: [] });

describe("whatever the values", () => {
  it("there is one code, alone on its line, and the formatting and the lines are the text's own", () => {
    fc.assert(
      fc.property(texts, localesAny, anything, bindAny, (text, locale, companyName, bound) => {
        const given = Object.fromEntries(Object.entries(bound).filter(([, value]) => value !== undefined));
        const shown = render({ text, locale, companyName, bind: given });
        const plain = render({ text, locale, bind: Object.fromEntries(Object.keys(given).map((name) => [name, "x"])) });
        expect(shown.split("{{code}}")).toHaveLength(2);
        expect(shown.split("\n").filter((line) => line.includes("{{code}}"))).toHaveLength(1);
        expect(shown.replaceAll("{{code}}", "").replaceAll("{{minutes}}", "")).not.toMatch(/[{}]/);
        expect(marks(shown)).toBe(marks(plain));
        expect(shown.split("\n").length).toBe(plain.split("\n").length);
        expect(shown.split("\u2068").length).toBe(shown.split("\u2069").length);
        expect(shown.isWellFormed()).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("what the API takes is shown whole: a name without its formatting, an amount to the last character", () => {
    const amounts = anything.filter((amount) => Bind.safeParse({ amount }).success);
    const names = anything.filter((name) => CompanyName.safeParse(name).success && /[^*_~`\s]/.test(name));
    fc.assert(
      fc.property(amounts, names, localesAny, (amount, companyName, locale) => {
        const shown = render({ text: "{{amount}}\n*{{code}}*\n{{company}}", locale, companyName, bind: { amount } });
        const [first, , last] = shown.replaceAll(/[\u2068\u2069]/g, "").split("\n");
        expect(first?.length).toBe(amount.trim().replaceAll(/\s+/g, " ").length);
        expect(last).toBe(companyName.replaceAll(/[*_~`]/g, "").trim());
      }),
    );
  });
});

describe("the language", () => {
  it.each<[Partial<Parameters<typeof localeOf>[0]>, Locale]>([
    [{ requested: "hi", policyLocale: "fr", country: "ID" }, "hi"],
    [{ policyLocale: "fr", country: "ID" }, "fr"],
    [{ country: "EG" }, "ar"],
    [{ country: "MX" }, "es"],
    [{ country: "ES" }, "es"],
    [{ country: "MZ" }, "pt-BR"],
    [{ country: "CI" }, "fr"],
    [{ country: "IN" }, "hi"],
    [{ country: "PK" }, "ur"],
    [{ country: "TR" }, "tr"],
    [{ country: "DE" }, "en"],
    [{ country: "" }, "en"],
    [{ country: "TR", available: ["en", "tr"] }, "tr"],
    [{ country: "TR", available: ["es", "en"] }, "en"],
    [{ country: "TR", available: ["es", "fr"] }, "es"],
  ])("for %j is %s", (given, locale) => {
    expect(localeOf({ requested: undefined, policyLocale: null, country: "", ...given })).toBe(locale);
  });
});

describe("the built-in texts", () => {
  it("can be had, and stored as they are", async () => {
    const edge = await startEdge();
    const { body } = await edge.api<{ texts: Record<string, string> }>("GET /v1/templates/built-in");
    expect(Object.keys(body.texts)).toEqual([...locales]);
    const stored = await edge.api("POST /v1/templates", { name: "Mine", texts: body.texts });
    expect([stored.status, stored.body["texts"]]).toEqual([201, body.texts]);
    await edge.settled();
    edge.close();
  });
});
