import { AppError, type Session } from "@sandi/contracts";

/** The refusal for a session that shows no code. A session that is starting will show one: then `retryAfter` is set. */
export function notPairing({ state, reason }: Pick<Session, "state" | "reason">): AppError {
  if (state === "connecting" || (state === "stopped" && reason === "created")) {
    const detail = "The connector is still starting the session; try again in a second.";
    return new AppError("session-not-pairing", { detail, retryAfter: 1 });
  }
  if (state === "pairing") return new AppError("session-not-pairing");
  return new AppError("session-not-pairing", { detail: `Its state is ${state}.` });
}
