import { AppError } from "@sandi/contracts";
import { isSupportedCountry, parsePhoneNumberWithError } from "libphonenumber-js/max";

/** A number and how lists show it. */
export interface Phone {
  e164: string;
  masked: string;
  /** ISO 3166-1 alpha-2; empty for numbers of the sandbox and of no single country. */
  country: string;
  /** Which of the sandbox's numbers it is. */
  magic?: string;
}

interface Reading {
  pointer: string;
  /** National numbers are numbers of this country. */
  defaultCountry?: string | null;
  /** Takes the sandbox's numbers as well. */
  isTest?: boolean;
}

/** No country has the code 999: its numbers are the sandbox's. */
const magic = /^\+999000000([0-9]{2})$/;

/** Reads a phone number strictly; refuses what is none with the reason. */
export function parsePhone(text: string, { pointer, defaultCountry, isTest = false }: Reading): Phone {
  const refuse = (message: string) => new AppError("invalid-request", { errors: [{ pointer, message }] });
  const [, ofSandbox] = magic.exec(text) ?? [];
  if (ofSandbox !== undefined) {
    if (!isTest) throw refuse("is a number of the sandbox, which takes test keys only");
    return { e164: text, masked: `+999•••${ofSandbox}`, country: "", magic: ofSandbox };
  }
  const isNational = !text.startsWith("+") && !!defaultCountry && isSupportedCountry(defaultCountry);
  if (!(isNational ? /^[0-9][0-9 ().-]{3,24}$/ : /^\+[1-9][0-9]{6,14}$/).test(text)) {
    throw refuse(
      defaultCountry
        ? "must be a phone number: E.164 ('+', country code and number, digits only) or national"
        : "must be a phone number in E.164 form: '+', country code and number, digits only",
    );
  }
  let number;
  try {
    number = parsePhoneNumberWithError(text, isNational ? defaultCountry : undefined);
  } catch {
    throw refuse("is not a phone number of any country");
  }
  if (number.ext !== undefined || !number.isValid() || (!isNational && number.number !== text)) {
    throw refuse("is not a valid phone number of its country");
  }
  const e164: string = number.number;
  return { e164, masked: mask(e164, number.countryCallingCode), country: number.country ?? "" };
}

/** A number that is known to be one, as it is shown. */
export function masked(e164: string): string {
  try {
    return mask(e164, parsePhoneNumberWithError(e164).countryCallingCode);
  } catch {
    return `+•••${e164.slice(-4)}`;
  }
}

/** `+62812•••7890`: country code, three digits and the last four; of a short number less, four stay hidden. */
function mask(e164: string, countryCode: string): string {
  const national = e164.slice(1 + countryCode.length);
  const shown = Math.max(0, Math.min(7, national.length - 4));
  const tail = Math.min(4, shown);
  return `+${countryCode}${national.slice(0, shown - tail)}•••${national.slice(national.length - tail)}`;
}
