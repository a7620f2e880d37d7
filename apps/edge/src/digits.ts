/** Digits of every script as ASCII digits; those beyond the first plane, which no keyboard has, stay as they are. */
export const asciiDigits = (text: string) => text.replaceAll(/(?![0-9])\p{Nd}/gu, valueOf);

function valueOf(digit: string): string {
  if (digit.length > 1) return digit;
  const code = digit.charCodeAt(0);
  // Every script has its ten digits in a row.
  let zero = code;
  while (/\p{Nd}/u.test(String.fromCharCode(zero - 1))) zero--;
  return String(code - zero);
}
