import { asciiDigits, type Reply, type SealedContent } from "@sandi/contracts";
import type { ReceivedContent } from "./kind.ts";

/** One choice of `buttons` or a `list`. */
export interface Option {
  id: string;
  /** The words that stand on it. */
  text: string;
}

/** The options of a sent message, in the order of their numbers; none for other kinds. */
export function optionsOf(content: SealedContent): Option[] {
  if (content.type === "buttons") return content.buttons;
  if (content.type !== "list") return [];
  return content.sections.flatMap(({ rows }) => rows.map(({ id, title }) => ({ id, text: title })));
}

/**
 * The choice that a person made among these options; null when it is none. The options are those of the quoted message,
 * or, if the person quotes nothing, those of the last message of the chat. A reply is `2`, `2.` or the words of an option.
 */
export function replyTo(content: ReceivedContent, options: readonly Option[]): Reply | null {
  if (content.type === "reply") return options.length === 0 || has(options, content.id) ? content : null;
  if (content.type !== "text") return null;
  const written = plain(content.text);
  const number = /^([1-9]\d?)\s?[.)]?$/.exec(written)?.[1];
  // An option may be a number itself: its own words come first.
  const chosen = options.find(({ text }) => plain(text) === written) ?? options[Number(number) - 1];
  return chosen ? { type: "reply", id: chosen.id, text: content.text } : null;
}

const has = (options: readonly Option[], id: string) => options.some((option) => option.id === id);

/** Without case, marks around it and differences that nobody sees; digits of every script as ASCII ones. */
const plain = (text: string) =>
  asciiDigits(text.normalize("NFKC"))
    .toLowerCase()
    .replaceAll(/[*_~`"'“”\u200e\u200f]/g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
