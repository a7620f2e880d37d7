import { z } from "zod";

/** 65 random bits in Crockford base32. */
export const InboundToken = z.string().regex(/^[0-9A-HJKMNP-TV-Z]{13}$/);

const inText = /(?<![0-9A-Za-z-])SV-([0-9A-HJKMNP-TV-Z]{13})(?![0-9A-Za-z-])/i;

/** The token as it is written in the message of the user. */
export const writtenToken = (token: string) => `SV-${token}`;

/** The one token in a text; null when there is none. */
export function tokenIn(text: string): string | null {
  return inText.exec(text)?.[1]?.toUpperCase() ?? null;
}
