import { z } from "zod";
import { codePlaceholder } from "../delivery.ts";
import { TemplateId } from "../ids.ts";
import { CompanyName, plainName, Timestamp } from "./common.ts";
import { Locale } from "./policy.ts";
import { linkText, plainText } from "./text.ts";
import { Bind, Purpose } from "./verifications.ts";

/** What a template's text may stand in for, in double braces. */
export const templateVariables = ["code", "minutes", "company", "purpose", "amount", "payee"] as const;
export type TemplateVariable = (typeof templateVariables)[number];

const variable = new RegExp(`\\{\\{(?:${templateVariables.join("|")})\\}\\}`, "g");
const codeLine = /^([*_~`]*)\{\{code\}\}([*_~`]*)$/;
// Templates may have joiners anywhere: one beside a variable joins a value that is not known yet.
const joiners = /[\u200c\u200d]/g;

/** Whether this line of a text is the one that holds the code and nothing else. */
export const isCodeLine = (line: string): boolean => {
  const [, before = "", after = ""] = codeLine.exec(line.trim()) ?? [undefined, "-"];
  return before === after.split("").toReversed().join("");
};

/** What is wrong with the text of a template, in plain words; empty: nothing. */
export function textProblems(text: string): string[] {
  const found: string[] = [];
  const codes = text.split(codePlaceholder).length - 1;
  if (codes !== 1) found.push(`must hold ${codePlaceholder} exactly once`);
  else if (!text.split("\n").some(isCodeLine)) {
    found.push(`must have ${codePlaceholder} alone on its line, such as *${codePlaceholder}*`);
  }
  const rest = text.replaceAll(variable, "");
  const unknown = /\{\{([^{}\n]{1,40})\}\}/.exec(rest)?.[1];
  if (unknown !== undefined) {
    const all = templateVariables.map((name) => `{{${name}}}`).join(", ");
    found.push(`holds {{${unknown}}}, which is not a variable: there are ${all}`);
  } else if (/[{}]/.test(rest)) found.push("holds a brace that belongs to no variable");
  if (text.split("\n").some((line) => !plainText.test(line))) {
    found.push("must not hold control, direction or invisible characters");
  }
  // A value stands where the variable is, and formatting characters are not seen: neither may complete a link.
  const seen = text
    .replaceAll(variable, "xx")
    .replaceAll(joiners, "")
    .replaceAll(/[*_~`]/g, "");
  if (linkText.test(seen)) found.push("must not hold a link or a domain name");
  return found;
}

export const TemplateText = z
  .string()
  .overwrite((text) => text.replaceAll("\r\n", "\n").trim())
  .min(1)
  .max(700)
  .superRefine((text, context) => {
    for (const message of textProblems(text)) context.addIssue({ code: "custom", message });
  })
  .meta({
    description:
      "A text for WhatsApp. `{{code}}` stands in it exactly once, alone on its line; it may hold `{{minutes}}` (how long the code is still good), `{{company}}`, `{{purpose}}`, `{{amount}}` and `{{payee}}`. A line with an amount or a payee is left out when a request has none. No links, no domain names.",
    example: "*{{company}}* login code\n\n*{{code}}*\n\nValid for {{minutes}} min. Do not share it with anyone.",
  });

const text = TemplateText.optional();

export const TemplateTexts = z
  .strictObject({ en: text, id: text, ar: text, es: text, "pt-BR": text, fr: text, hi: text, ur: text, tr: text })
  .refine(
    (texts) => Object.values(texts).some((each) => each !== undefined),
    "must hold a text in one language or more",
  )
  .meta({
    id: "TemplateTexts",
    description: "By language; where a language is missing, English or the first is used.",
  });
export type TemplateTexts = z.infer<typeof TemplateTexts>;

const Name = plainName("Yours to choose; each name once.", "Login");

const DefaultPurpose = Purpose.nullable().meta({
  description: "Verifications of this purpose use the template unless they name another. One template per purpose.",
  example: "login",
});

export const TemplateInput = z
  .strictObject({ name: Name, purpose: DefaultPurpose.default(null), texts: TemplateTexts })
  .meta({ id: "TemplateInput" });
export type TemplateInput = z.infer<typeof TemplateInput>;

export const Template = z
  .object({
    id: TemplateId,
    name: Name,
    purpose: DefaultPurpose,
    texts: TemplateTexts,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: "Template", description: "The workspace's own words around a code." });
export type Template = z.infer<typeof Template>;

export const TemplateList = z
  .object({ templates: z.array(Template).max(100).meta({ description: "All of them, oldest first." }) })
  .meta({ id: "TemplateList" });

export const BuiltInTexts = z
  .object({ texts: TemplateTexts })
  .meta({ id: "BuiltInTexts", description: "What is sent where there is no template; a start for one of your own." });

/** What a preview finds worth saying, each with the sentence that it says. */
export const templateWarnings = {
  "locale-missing": "There is no text in this language; another is shown.",
  "company-missing": "The text does not say whose code it is: {{company}} is not in it.",
  "minutes-missing": "The text does not say how long the code is good: {{minutes}} is not in it.",
  "bind-added": "The text does not show the amount or the payee; a line with them is put before the code.",
  "line-left-out": "A line with an amount or a payee is left out, for the request has none.",
  "value-changed": "A value holds characters that would format the text or make a link; they are shown as others.",
  long: "The text is longer than 300 characters: on small screens the code may be folded away.",
} as const;
export type TemplateWarning = keyof typeof templateWarnings;

export const PreviewTemplate = z
  .strictObject({
    templateId: TemplateId.optional().meta({ description: "A stored template." }),
    texts: TemplateTexts.optional().meta({
      description: "Or texts that are not stored yet; neither: the built-in ones.",
    }),
    locale: Locale.optional().meta({ description: "The policy's if left out, else English." }),
    companyName: CompanyName.optional(),
    purpose: Purpose.default("login"),
    bind: Bind.optional(),
  })
  .refine(({ templateId, texts }) => templateId === undefined || texts === undefined, {
    path: ["texts"],
    error: "cannot be given together with a templateId",
  })
  .meta({ id: "PreviewTemplate" });
export type PreviewTemplate = z.infer<typeof PreviewTemplate>;

export const TemplatePreview = z
  .object({
    text: z
      .string()
      .max(8000)
      .meta({ description: "As it would be sent, with the code 123456.", example: "*Acme* login code\n\n*123456*" }),
    locale: Locale,
    warnings: z
      .array(
        z.object({
          code: z.enum(Object.keys(templateWarnings) as [TemplateWarning, ...TemplateWarning[]]),
          message: z.string().max(200).meta({ example: templateWarnings["minutes-missing"] }),
        }),
      )
      .max(20)
      .meta({ description: "What may be wanted otherwise; none of it keeps the text from being sent." }),
  })
  .meta({ id: "TemplatePreview" });
export type TemplatePreview = z.infer<typeof TemplatePreview>;
