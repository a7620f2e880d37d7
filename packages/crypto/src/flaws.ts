const quote = "[\"'`\\u2018\\u2019\\u201c\\u201d]";
const quoted = new RegExp(`^\\s*${quote}|${quote}\\s*$`);

/** Whether a configured text begins or ends with a quote, which a copied line or an env file leaves there. */
export const isQuoted = (text: string): boolean => quoted.test(text);

/**
 * What is wrong with the text of an address or a secret as it was configured, or undefined: `has quotes around it`.
 * Never repeats the text. With such a flaw a process starts, and fails at its first call.
 * @param isOneWord false for what may hold spaces and any letters, such as a path
 */
export function flawOf(text: string, { isOneWord = true } = {}): string | undefined {
  if (isQuoted(text)) return "has quotes around it";
  if (/[\r\n]/.test(text)) return "has a line break in it";
  if (/^\s|\s$/.test(text)) return "has a space before or behind it";
  if (isOneWord && /\s/.test(text)) return "has a space in it";
  if (isOneWord && /[^!-~]/.test(text)) return "has a character in it that is not printable ASCII";
  return undefined;
}
