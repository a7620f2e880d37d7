/** The six digits of an OTP's text. */
export function codeIn(text: string): string | undefined {
  return /(?<![0-9])[0-9]{6}(?![0-9])/.exec(text)?.[0];
}
