/** The account's number and the other spelling under which the server finds it: mobile numbers only, no landlines. */
const rules: [RegExp, string[]][] = [
  [/^(52)1?([2-9]\d{9})$/, ["$1$2", "$11$2"]],
  [/^(54)9?((?:11|[23]\d)\d{8})$/, ["$19$2", "$1$2"]],
  [/^(55[1-9]\d)9?([6-9]\d{7})$/, ["$19$2", "$1$2"]],
  [/^(229)(?:01)?([4569]\d{7})$/, ["$101$2", "$1$2"]],
  // The operator's prefix follows from the second digit of the old number.
  [/^(225)(?:07)?([04578][7-9]\d{6})$/, ["$107$2", "$1$2"]],
  [/^(225)(?:05)?([04578][4-6]\d{6})$/, ["$105$2", "$1$2"]],
  [/^(225)(?:01)?([0457][0-3]\d{6})$/, ["$101$2", "$1$2"]],
];

/** How else a number may be registered, in digits. */
export function otherSpellings(digits: string): string[] {
  return rules.flatMap(([spelling, forms]) =>
    spelling.test(digits) ? forms.map((form) => digits.replace(spelling, form)).filter((form) => form !== digits) : [],
  );
}
