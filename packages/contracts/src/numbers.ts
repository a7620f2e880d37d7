/**
 * Numbers whose accounts WhatsApp knows under two spellings: `head`, then `mark` (canonical) or `former`, then the
 * subscriber's digits. One of `mark` and `former` is empty, so the length shows which spelling it is.
 */
interface Plan {
  country: string;
  head: string;
  mark: string;
  former: string;
  /** The first digits of the subscriber's part, and how many digits it has. */
  leads: string;
  length: number;
}

/**
 * A country is here only if its own plan says that both spellings are one subscriber, and WhatsApp is known to have
 * accounts under each. A number that fits no plan has one spelling.
 */
const plans: readonly Plan[] = [
  // The 1 of mobile numbers ended on 3 August 2019; accounts keep 521 (tulir/whatsmeow#874, chatwoot/chatwoot#14174).
  // No area code begins with 0 or 1.
  { country: "MX", head: "52", mark: "", former: "1", leads: "2 3 4 5 6 7 8 9", length: 10 },
  // The 9 marks a mobile line that is called from abroad. Fixed and mobile lines share one plan of ten digits, in which
  // no number is given twice (google/libphonenumber#1719). Area codes begin with 11, 2 or 3; services (800) have no 9.
  { country: "AR", head: "54", mark: "9", former: "", leads: "11 2 3", length: 10 },
  // The ninth digit of mobile numbers, 2012 to 2016: accounts outside of 11–19, 21, 22, 24, 27 and 28 have eight digits.
  // Landlines begin with 2 to 5 (devlikeapro/waha#1974). The last radio network, with eight digits, closed in 2018.
  { country: "BR", head: "55[1-9]\\d", mark: "9", former: "", leads: "6 7 8 9", length: 8 },
  // Every number got 01 on 30 November 2024 (mobi/telephone_number#138); these are the mobile ones.
  { country: "BJ", head: "229", mark: "01", former: "", leads: "4 5 6 9", length: 8 },
  // Mobile numbers got 07, 05 or 01 on 31 January 2021, by operator: prefixes of google/libphonenumber#1909. The
  // owners change the number in WhatsApp themselves (ARTCI, 28 July 2020).
  {
    country: "CI",
    head: "225",
    mark: "07",
    former: "",
    leads: "07 08 09 47 48 49 57 58 59 77 78 79 87 88 89",
    length: 8,
  },
  {
    country: "CI",
    head: "225",
    mark: "05",
    former: "",
    leads: "04 05 06 44 45 46 54 55 56 74 75 76 84 85 86",
    length: 8,
  },
  { country: "CI", head: "225", mark: "01", former: "", leads: "01 02 03 40 41 42 43 51 52 53 71", length: 8 },
];

const read = plans.map(({ leads, ...plan }) => ({
  ...plan,
  leads: leads.split(" "),
  whole: new RegExp(
    `^(\\+?${plan.head})(?:${plan.mark}|${plan.former})((?=${leads.replaceAll(" ", "|")})\\d{${plan.length}})$`,
  ),
  begun: new RegExp(`^(${plan.head})${plan.former}(\\d*)$`),
}));

/** Countries some of whose numbers have two spellings (ISO 3166-1 alpha-2). */
export const countriesOfTwoSpellings: readonly string[] = [...new Set(plans.map(({ country }) => country))];

/**
 * All spellings under which WhatsApp may have the account of a number, the canonical one first.
 *
 * @param number E.164 in any spelling, with or without the plus; the result has the same form
 */
export function spellingsOf(number: string): string[] {
  for (const { mark, former, whole } of read) {
    const [, head, rest] = whole.exec(number) ?? [];
    if (head !== undefined) return [`${head}${mark}${rest}`, `${head}${former}${rest}`];
  }
  return [number];
}

/**
 * The one spelling of a WhatsApp account that is hashed, compared, counted and shown: the one that is dialled today.
 * Idempotent.
 *
 * @param number E.164 in any spelling, with or without the plus; the result has the same form
 */
export function canonicalNumber(number: string): string {
  return spellingsOf(number)[0] ?? number;
}

/** Whether two numbers, each in any spelling, are the same account. */
export function isSameAccount(one: string, other: string): boolean {
  return canonicalNumber(one) === canonicalNumber(other);
}

/**
 * The prefixes of canonical numbers that have a spelling with this prefix; this prefix is the first.
 *
 * @param digits up to 15, country code first, without the plus
 */
export function canonicalPrefixes(digits: string): string[] {
  const others = read.flatMap(({ mark, leads, begun }) => {
    const [, head, rest = ""] = begun.exec(digits) ?? [];
    const isBegun = head !== undefined && leads.some((lead) => lead.startsWith(rest) || rest.startsWith(lead));
    return isBegun ? [`${head}${mark}${rest}`] : [];
  });
  return [...new Set([digits, ...others])];
}
