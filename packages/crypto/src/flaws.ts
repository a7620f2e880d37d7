const quote = "[\"'`\\u2018\\u2019\\u201c\\u201d]";
const quoted = new RegExp(`^\\s*${quote}|${quote}\\s*$`);

/** True when a configured text begins or ends with a quote, as in a copied line or an env file. */
export const isQuoted = (text: string): boolean => quoted.test(text);

/**
 * What is wrong with a configured address or secret, such as `has quotes around it`; undefined when it is right. Never
 * shows the text. Without this check a process would start and fail at its first call.
 * @param isOneWord false for a text with spaces and any letters, such as a path
 */
export function flawOf(text: string, { isOneWord = true } = {}): string | undefined {
  if (isQuoted(text)) return "has quotes around it";
  if (/[\r\n]/.test(text)) return "has a line break in it";
  if (/^\s|\s$/.test(text)) return "has a space before or behind it";
  if (isOneWord && /\s/.test(text)) return "has a space in it";
  if (isOneWord && /[^!-~]/.test(text)) return "has a character in it that is not printable ASCII";
  return undefined;
}
