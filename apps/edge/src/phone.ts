import { AppError } from "@sandi/contracts";
import { parsePhoneNumberWithError } from "libphonenumber-js/max";

/** A number and how lists show it. */
export interface Phone {
  e164: string;
  masked: string;
}

/** Reads a phone number in E.164 form, strictly; refuses the rest with the reason. */
export function parsePhone(text: string, pointer: string): Phone {
  const refuse = (message: string) => new AppError("invalid-request", { errors: [{ pointer, message }] });
  if (!/^\+[1-9][0-9]{6,14}$/.test(text)) {
    throw refuse("must be a phone number in E.164 form: '+', country code and number, digits only");
  }
  let number;
  try {
    number = parsePhoneNumberWithError(text);
  } catch {
    throw refuse("is not a phone number of any country");
  }
  if (number.ext !== undefined || number.number !== text || !number.isValid()) {
    throw refuse("is not a valid phone number of its country");
  }
  return { e164: text, masked: mask(text, number.countryCallingCode) };
}

/** `+62812•••7890`: country code, three digits and the last four; of a short number less, four stay hidden. */
function mask(e164: string, countryCode: string): string {
  const national = e164.slice(1 + countryCode.length);
  const shown = Math.max(0, Math.min(7, national.length - 4));
  const tail = Math.min(4, shown);
  return `+${countryCode}${national.slice(0, shown - tail)}•••${national.slice(national.length - tail)}`;
}
