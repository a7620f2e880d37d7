import {
  type Bind,
  codePlaceholder,
  CompanyName,
  hasStrayJoiner,
  isCodeLine,
  type Locale,
  phoneText,
  type TemplateVariable,
  type TemplateWarning,
} from "@sandi/contracts";
import { builtIn } from "./built-in.ts";

/** SQL replaces it by the remaining minutes of the verification, which are fewer at a resend. */
export const minutesPlaceholder = "{{minutes}}";

interface Rendering {
  /** The template's text. If left out: the built-in text of the language. */
  text?: string | undefined;
  locale: Locale;
  companyName: string;
  purpose: string;
  bind?: Bind | undefined;
}

const bound = ["amount", "payee"] as const;
const holds = (line: string, name: TemplateVariable) => line.includes(`{{${name}}}`);

/** The text of a verification, with its `bind`. Only the code and the minutes are still placeholders. */
export const renderText = (rendering: Rendering): string => render(rendering).text;

/** The same, with notes on what was changed. */
export function render({ text, locale, companyName, purpose, bind = {} }: Rendering) {
  const notes: TemplateWarning[] = [];
  const isolate = isolatorOf(locale);
  const all = (text ?? builtIn[locale].text).split("\n");
  const lines = all.filter((line) => !bound.some((name) => bind[name] === undefined && holds(line, name)));
  if (lines.length < all.length) notes.push("line-left-out");

  const [first, ...more] = bound.filter((name) => bind[name] !== undefined && !lines.some((line) => holds(line, name)));
  if (first !== undefined) {
    const line = builtIn[locale].bind[more.length > 0 ? "both" : first];
    const at = lines.findIndex(isCodeLine);
    lines.splice(at, 0, line, ...(at > 0 && lines[at - 1]?.trim() !== "" ? [] : [""]));
    notes.push("bind-added");
  }

  const { amount = "", payee = "" } = bind;
  const shown = {
    company: shownCompany(companyName),
    amount: shownValue(amount),
    payee: shownValue(payee),
    // A purpose may hold an order number, which phones would show as a number to call.
    purpose: withoutPhones(purpose),
  };
  const values: Partial<Record<string, string>> = {
    company: isolate(shown.company),
    purpose: isolate(shown.purpose.replaceAll(/[_.-]+/g, " ").trim()),
    amount: isolate(shown.amount),
    payee: isolate(shown.payee),
    minutes: isRtl(locale) ? `${fsi}${minutesPlaceholder}${pdi}` : minutesPlaceholder,
  };
  const filled = lines
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim()
    // One pass, so that a value cannot hold a variable.
    .replaceAll(/\{\{([a-z]+)\}\}/g, (whole, name: string) => values[name] ?? whole);
  const safe = withoutLinks(filled);
  const given = { company: companyName, amount, payee, purpose };
  const isSame = Object.entries(given).every(([name, value]) => shown[name as keyof typeof given] === value);
  if (!isSame || safe !== filled) notes.push("value-changed");
  return { text: safe, notes };
}

/** A stored name may break newer rules. Its phone numbers are hidden, and a name with another fault is replaced. */
function shownCompany(name: string): string {
  return CompanyName.safeParse(withoutPhones(name.replaceAll(/[*_~`]/g, ""))).data ?? "Sandi";
}

const withoutPhones = (text: string) => text.replaceAll(phoneText, "…");

/** An amount must be shown unchanged, so WhatsApp's formatting characters are replaced by similar ones. */
const similar: Record<string, string> = { "*": "∗", _: "ˍ", "~": "∼", "`": "ˋ", "{": "(", "}": ")" };

function shownValue(value: string): string {
  return value
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .replaceAll(hasStrayJoiner(value) ? /[\p{Cf}\p{Cs}\p{Co}]/gu : /(?![\u200c\u200d])[\p{Cf}\p{Cs}\p{Co}]/gu, "")
    .replaceAll(/[*_~`{}]/g, (each) => similar[each] ?? "")
    .trim();
}

const fsi = "\u2068";
const pdi = "\u2069";
const isRtl = (locale: Locale) => locale === "ar" || locale === "ur";
const rtlLetter = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
/** The beginning of a line that WhatsApp shows as a list or a quotation. */
const listMark = /^(?:[->•]|\d+[.)])\s/;

/** Isolates a value of the other writing direction, so that it does not reorder the text around it. */
function isolatorOf(locale: Locale) {
  return (value: string) =>
    isRtl(locale) || rtlLetter.test(value) || listMark.test(value) ? `${fsi}${value}${pdi}` : value;
}

/** The name of a payee may look like a domain. Its dots are replaced by a similar character that makes no link. */
function withoutLinks(text: string): string {
  return text
    .replaceAll(
      /(?<=[\p{L}\p{N}-][*_~`\u2068\u2069]*)[.\u3002\uff0e\uff61](?=[*_~`\u2068\u2069]*\p{L}[\u200c\u200d]?\p{L})/gu,
      "\u2024",
    )
    .replaceAll(/:(?=[/\uff0f]{2})/g, "\u2236");
}

/** The text as it is sent. */
export const fillIn = (text: string, { code, minutes }: { code: string; minutes: number }) =>
  text.replaceAll(minutesPlaceholder, String(minutes)).replaceAll(codePlaceholder, code);
