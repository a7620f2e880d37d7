import { asciiDigits, type Reply, type SealedContent } from "@sandi/contracts";

/** The longest text that can be a reply: the longest option, with marks around it. */
export const mostReplyLength = 100;

/** One choice of `buttons` or a `list`. */
export interface Option {
  id: string;
  /** The words that stand on it. */
  text: string;
}

/** The options of a message that is sent as a numbered text, in the order of their numbers; none for any other. */
export function numberedOptionsOf(content: SealedContent): Option[] {
  if (!("render" in content) || content.render !== "text") return [];
  if (content.type === "buttons") return content.buttons;
  return content.sections.flatMap(({ rows }) => rows.map(({ id, title }) => ({ id, text: title })));
}

/** The choice that a text makes among these options: `2`, `2.` or the words of an option; null when it is none. */
export function replyTo({ text: words }: Pick<Option, "text">, options: readonly Option[]): Reply | null {
  const written = plain(words);
  const number = /^([1-9]\d?)\s?[.)]?$/.exec(written)?.[1];
  // An option may be a number itself: its own words come first.
  const chosen = options.find(({ text }) => plain(text) === written) ?? options[Number(number) - 1];
  return chosen ? { type: "reply", id: chosen.id, text: words } : null;
}

/** Without case, marks around it and differences that nobody sees; digits of every script as ASCII ones. */
const plain = (text: string) =>
  asciiDigits(text.normalize("NFKC"))
    .toLowerCase()
    .replaceAll(/[*_~`"'“”\u200e\u200f]/g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
