import { AppError } from "@sandi/contracts";

/** Milliseconds of an expiry. Throws `invalid-request` if it is in the past. */
export function expiryOf(text: string | null, at: number): number | null {
  if (text === null) return null;
  const expiresAt = Date.parse(text);
  if (expiresAt > at) return expiresAt;
  throw new AppError("invalid-request", { errors: [{ pointer: "/expiresAt", message: "must be in the future" }] });
}
