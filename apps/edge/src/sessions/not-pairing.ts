import { AppError, type Session } from "@sandi/contracts";

/** One that was just made or restarted gets there by itself: that is worth another try, and said. */
export function notPairing({ state, reason }: Pick<Session, "state" | "reason">): AppError {
  if (state === "connecting" || (state === "stopped" && reason === "created")) {
    const detail = "The connector is still starting the session; try again in a second.";
    return new AppError("session-not-pairing", { detail, retryAfter: 1 });
  }
  if (state === "pairing") return new AppError("session-not-pairing");
  return new AppError("session-not-pairing", { detail: `Its state is ${state}.` });
}
