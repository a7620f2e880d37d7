import { AppError } from "@sandi/contracts";
import { parsePhoneNumberFromString } from "libphonenumber-js/max";

/** A number to write to: as given to WhatsApp, and as shown to people. */
export interface Phone {
  e164: string;
  /** `+62812•••7890`. */
  masked: string;
}

/** Reads a number in E.164 form; throws `invalid-request` with the pointer for anything else. Never guesses a country. */
export function parsePhone(text: string, pointer: string): Phone {
  const refuse = (message: string) => new AppError("invalid-request", { detail: `${pointer}: ${message}`, errors: [{ pointer, message }] });
  const compact = text.replaceAll(/[\s().-]/g, "");
  if (!/^\+[0-9]+$/.test(compact)) throw refuse("must be a phone number in E.164 form, such as +6281234567890");
  const number = parsePhoneNumberFromString(compact);
  if (!number || number.ext || !number.isValid()) throw refuse("is not a phone number that any country has");
  return { e164: number.number, masked: mask(number.number, number.countryCallingCode.length + 1) };
}

/** Country code, three digits, and the last four; shorter numbers keep less. */
function mask(e164: string, head: number): string {
  const tail = e164.slice(-4);
  const shown = e164.length - head - 4 >= 6 ? 3 : 1;
  return `${e164.slice(0, head + shown)}•••${tail}`;
}
