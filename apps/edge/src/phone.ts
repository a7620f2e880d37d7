import { AppError, asciiDigits, canonicalNumber } from "@sandi/contracts";
import type { Actor } from "./actor.ts";
import { type CountryCode, isSupportedCountry, parsePhoneNumberWithError } from "libphonenumber-js/max";

/** A phone number in all its forms. */
export interface Phone {
  /** The canonical spelling: the same for all spellings of one WhatsApp account. */
  e164: string;
  /** E.164 in the spelling of the request, which may differ (Mexico, Argentina, Brazil and others). */
  written: string;
  masked: string;
  /** ISO 3166-1 alpha-2; empty for numbers of the sandbox and numbers without one country. */
  country: string;
  /** The last two digits of a sandbox number. */
  magic?: string;
}

interface Reading {
  pointer: string;
  /** The country of national numbers. */
  defaultCountry?: string | null;
  /** Allows the sandbox's numbers. */
  isTest?: boolean;
}

/** The sandbox's numbers: no country has the code 999. */
const magic = /^\+999000000([0-9]{2})$/;

/** Without letters (vanity numbers), extensions and second numbers. */
const shapes = { international: /^\+[0-9 ().-]+$/, national: /^\(?[0-9][0-9 ().-]+$/ };

/**
 * Parses a phone number as people type and paste it. All numbers of the API go through this function.
 * Throws `invalid-request` with the reason if the number is not valid in its country.
 */
export function parsePhone(text: string, { pointer, defaultCountry, isTest = false }: Reading): Phone {
  const refuse = (message: string) => new AppError("invalid-request", { errors: [{ pointer, message }] });
  const plain = plainForm(text);
  const compact = plain.replaceAll(/[ ().-]/g, "");
  const [, ofSandbox] = magic.exec(compact) ?? [];
  if (ofSandbox !== undefined) {
    if (!isTest) throw refuse("is a number of the sandbox: it needs a test key");
    return { e164: compact, written: compact, masked: `+999•••${ofSandbox}`, country: "", magic: ofSandbox };
  }
  const country = defaultCountry && isSupportedCountry(defaultCountry) ? defaultCountry : undefined;
  if (!shapes.international.test(plain) && !(country && shapes.national.test(plain))) {
    throw refuse(
      country
        ? "must be a phone number: international ('+', country code and number) or national"
        : "must be a phone number in international form: '+', country code and number",
    );
  }
  const read = parse(plain, country);
  if (!read) throw refuse("is not a phone number of any country");
  const written: string = read.number;
  const e164 = canonicalNumber(written);
  // A former spelling is not valid, but its canonical spelling is.
  const number = e164 === written ? read : parse(e164);
  if (!number?.isValid()) throw refuse("is not a valid phone number of its country");
  return { e164, written, masked: mask(e164, number.countryCallingCode), country: number.country ?? "" };
}

/** Reads a number of an actor's request. Test keys may also name the sandbox's numbers. */
export const readPhone = ({ environment, policy: { defaultCountry } }: Actor, text: string, pointer: string): Phone =>
  parsePhone(text, { pointer, defaultCountry, isTest: environment === "test" });

/** The number without invisible marks and `tel:`, with ASCII digits, spaces and hyphens. */
function plainForm(text: string): string {
  return asciiDigits(text)
    .replaceAll(/\p{Cf}/gu, "")
    .replaceAll(/[\p{Pd}\u2212]/gu, "-")
    .replaceAll(/\s/g, " ")
    .replaceAll("\uff0b", "+")
    .replaceAll("\uff08", "(")
    .replaceAll("\uff09", ")")
    .trim()
    .replace(/^tel:(?=\+)/i, "")
    .replace(/^\(\+([0-9]+)\)/, "+$1");
}

function parse(text: string, defaultCountry?: CountryCode) {
  try {
    return parsePhoneNumberWithError(text, { ...(defaultCountry && { defaultCountry }), extract: false });
  } catch {
    return undefined;
  }
}

/** Masks a number that is already known to be valid. */
export function masked(e164: string): string {
  try {
    return mask(e164, parsePhoneNumberWithError(e164).countryCallingCode);
  } catch {
    return `+•••${e164.slice(-4)}`;
  }
}

/** The country of a number that is already known to be valid; empty if it has none of its own. */
export function countryOf(e164: string): string {
  try {
    return parsePhoneNumberWithError(e164).country ?? "";
  } catch {
    return "";
  }
}

/** `+62812•••7890`: country code, three digits and the last four. Four digits of a short number stay hidden. */
function mask(e164: string, countryCode: string): string {
  const national = e164.slice(1 + countryCode.length);
  const shown = Math.max(0, Math.min(7, national.length - 4));
  const tail = Math.min(4, shown);
  return `+${countryCode}${national.slice(0, shown - tail)}•••${national.slice(national.length - tail)}`;
}

/** A masked number as it is stored. One character beyond ASCII would double the size of all text sent with it. */
export const storedMask = (shown: string) => shown.replaceAll("•", "*");

/** A stored masked number as the API shows it. Older rows hold it as it is shown. */
export const shownMask = (stored: string) => stored.replaceAll("*", "•");

/** The first seven digits, which are about a thousand to ten thousand numbers. */
export const prefixOf = (e164: string) => e164.slice(1, 8);
