import { AppError } from "@sandi/contracts";

/** Milliseconds of an expiry, which lies ahead. */
export function expiryOf(text: string | null, at: number): number | null {
  if (text === null) return null;
  const expiresAt = Date.parse(text);
  if (expiresAt > at) return expiresAt;
  throw new AppError("invalid-request", { errors: [{ pointer: "/expiresAt", message: "must lie in the future" }] });
}
