import { z } from "zod";

/** Text on one line without control, direction or private characters. `hasStrayJoiner` checks the joiners. */
export const plainText = /^(?:[^\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|[\u200c\u200d])*$/u;

/** Living scripts whose spelling uses U+200C and U+200D: cursive scripts, then scripts that stack consonants. */
const joiningScripts = `Arabic Syriac Mandaic Mongolian Nko Adlam Hanifi_Rohingya
  Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala
  Khmer Myanmar Tibetan Balinese Javanese Sundanese Meetei_Mayek Chakma Newa`.split(/\s+/);
const joining = `(?:(?=[\\p{L}\\p{M}\\p{Nd}])[${joiningScripts.map((name) => `\\p{scx=${name}}`).join("")}])`;
// The older spelling of a Malayalam chillu ends in a joiner, even at the end of a word.
const inLetters = new RegExp(
  `(?<=${joining})[\\u200c\\u200d](?=${joining})|(?<=[\\u0d15-\\u0d39]\\u0d4d)\\u200d`,
  "gu",
);
const inEmoji = /\p{RGI_Emoji_ZWJ_Sequence}/gv;

/** Whether the text has a joiner that joins nothing: at its end, doubled, or beside letters of other scripts. */
export function hasStrayJoiner(text: string): boolean {
  const isJoiner = /[\u200c\u200d]/;
  return isJoiner.test(text) && isJoiner.test(text.replaceAll(inEmoji, "").replaceAll(inLetters, ""));
}

const fault = "must not hold line breaks, control or invisible characters";

/** Trimmed text on one line, 1 to `max` UTF-16 units, with no character that cannot be seen. */
export const plainLine = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max, { abort: true })
    .regex(plainText, { error: fault, abort: true })
    .refine((text) => !hasStrayJoiner(text), fault);

const dot = "[.\u3002\uff0e\uff61]";
/** Text that a phone shows as a link. */
export const linkText = new RegExp(
  `:[/\uff0f]{2}|www${dot}|[\\p{L}\\p{N}-]${dot}\\p{L}{2}|\\d${dot}\\d+${dot}\\d+${dot}\\d`,
  "iu",
);

/**
 * What a phone may show as a number to call: seven digits of any script with no letter between them. Seven is the length
 * of the shortest full subscriber numbers. Any other characters between the digits count as separators.
 */
export const phoneText = /(?:\p{Nd}[^\p{L}\p{Nd}]*){7,}/gu;

/** Whether the text has a number that a phone may call. */
export const holdsPhone = (text: string): boolean => text.search(phoneText) >= 0;

/** The text with the digits of every script as ASCII digits. Mathematical digits are styled text and stay as they are. */
export const asciiDigits = (text: string): string =>
  text.replaceAll(/(?![0-9\u{1d7ce}-\u{1d7ff}])\p{Nd}/gu, (digit) => {
    const at = digit.codePointAt(0) ?? 0;
    // Unicode has the ten digits of a script in one row, zero first. Rows that follow each other are complete, too.
    let zero = at;
    while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
    return String((at - zero) % 10);
  });
