import { z } from "zod";
import { codePlaceholder } from "../delivery.ts";
import { TemplateId } from "../ids.ts";
import { CompanyName, plainName, Timestamp } from "./common.ts";
import { Locale } from "./policy.ts";
import { linkText, plainText } from "./text.ts";
import { Bind, Purpose } from "./verifications.ts";

/** The variables of a template's text, written in double braces. */
export const templateVariables = ["code", "minutes", "company", "purpose", "amount", "payee"] as const;
export type TemplateVariable = (typeof templateVariables)[number];

const variable = new RegExp(`\\{\\{(?:${templateVariables.join("|")})\\}\\}`, "g");
const codeLine = /^([*_~`]*)\{\{code\}\}([*_~`]*)$/;
// Templates may have joiners anywhere: a joiner beside a variable joins a value that is not known yet.
const joiners = /[\u200c\u200d]/g;

/** Whether this line of a text holds the code and nothing else. */
export const isCodeLine = (line: string): boolean => {
  const [, before = "", after = ""] = codeLine.exec(line.trim()) ?? [undefined, "-"];
  return before === after.split("").toReversed().join("");
};

/** The faults in the text of a template, in plain words. */
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
  // A value replaces the variable, and formatting characters are invisible: neither may complete a link.
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
      "A text for WhatsApp. It must hold `{{code}}` exactly once, alone on its line. It may hold `{{minutes}}` (how long the code is still valid), `{{company}}`, `{{purpose}}`, `{{amount}}` and `{{payee}}`. A line with an amount or a payee is left out if the request has none. No links, no domain names.",
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
    description: "The texts by language. For a missing language, English or the first text is used.",
  });
export type TemplateTexts = z.infer<typeof TemplateTexts>;

const Name = plainName("Yours to choose; unique in the workspace.", "Login");

const DefaultPurpose = Purpose.nullable().meta({
  description:
    "Verifications with this purpose use the template, unless they name another one. One template per purpose.",
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
  .meta({ id: "Template", description: "The workspace's own text around a code." });
export type Template = z.infer<typeof Template>;

export const TemplateList = z
  .object({ templates: z.array(Template).max(100).meta({ description: "All of them, oldest first." }) })
  .meta({ id: "TemplateList" });

export const BuiltInTexts = z.object({ texts: TemplateTexts }).meta({
  id: "BuiltInTexts",
  description: "The texts that are sent without a template. Use them as a start for your own.",
});

/** The warnings of a preview, each with its sentence. */
export const templateWarnings = {
  "locale-missing": "There is no text in this language; another language is shown.",
  "company-missing": "The text does not say whose code it is: {{company}} is not in it.",
  "minutes-missing": "The text does not say how long the code is valid: {{minutes}} is not in it.",
  "bind-added": "The text does not show the amount or the payee; a line with them is added before the code.",
  "line-left-out": "A line with an amount or a payee is left out, because the request has none.",
  "value-changed": "A value holds characters that would format the text or make a link; they are replaced.",
  long: "The text is longer than 300 characters: small screens may hide the code.",
} as const;
export type TemplateWarning = keyof typeof templateWarnings;

export const PreviewTemplate = z
  .strictObject({
    templateId: TemplateId.optional().meta({ description: "A stored template." }),
    texts: TemplateTexts.optional().meta({
      description: "Texts that are not stored yet. Without a template and texts, the preview shows the built-in ones.",
    }),
    locale: Locale.optional().meta({ description: "Default: the policy's language, else English." }),
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
      .meta({ description: "The text as it is sent, with the code 123456.", example: "*Acme* login code\n\n*123456*" }),
    locale: Locale,
    warnings: z
      .array(
        z.object({
          code: z.enum(Object.keys(templateWarnings) as [TemplateWarning, ...TemplateWarning[]]),
          message: z.string().max(200).meta({ example: templateWarnings["minutes-missing"] }),
        }),
      )
      .max(20)
      .meta({ description: "Hints to improve the text. It is sent in any case." }),
  })
  .meta({ id: "TemplatePreview" });
export type TemplatePreview = z.infer<typeof TemplatePreview>;
