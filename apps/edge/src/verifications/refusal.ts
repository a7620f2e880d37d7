import { AppError, type Policy } from "@sandi/contracts";
import type { Sender } from "../messages/sender.ts";
import { windows } from "../messages/destination-sends.ts";
import type { Candidate, Route } from "../sessions/pick.ts";
import type { SendCounts, Verdict } from "./verdict.ts";

interface Asked {
  sender: Sender;
  policy: Policy;
  perDay: number;
  country: string;
  at: number;
  route?: Route;
  /** The best session of the route. */
  candidate?: Candidate | undefined;
  /** Whether the code was to be pushed, and whether the user may be asked to write to us instead. */
  opensChat?: boolean;
  mayFallBack?: boolean;
}

/** What a verdict is answered with. */
export function refusalOf(verdict: Verdict, asked: Asked): AppError {
  const { sender, policy, country, at } = asked;
  switch (verdict[0]) {
    case "no-sender": {
      const { candidate } = asked;
      const opensChat = asked.opensChat === true && !(asked.mayFallBack && candidate?.fallback === "inbound");
      return sender.refusalOf(asked.route ?? {}, candidate, { opensChat }) ?? new AppError("no-eligible-session");
    }
    case "blocked":
      return new AppError("destination-blocked");
    case "country": {
      const detail = `This number is of ${country || "no single country"}; the policy's \`countries\` name where codes may go.`;
      return new AppError("country-not-allowed", { detail });
    }
    case "guarded":
      return new AppError("prefix-blocked", { retryAfter: seconds(verdict[1] - at) });
    case "locked":
      return destinationLocked(policy, verdict[1] - at);
    case "waiting": {
      const detail = "The user has not written to us yet. There is nothing to send.";
      return new AppError("resend-cooldown", { detail, retryAfter: seconds(verdict[1] - at) });
    }
    case "exhausted": {
      const detail = "Check the code that was sent, cancel the verification, or wait until it expires.";
      return new AppError("sends-exhausted", { detail, retryAfter: seconds(verdict[1] - at) });
    }
    case "cooldown":
      return new AppError("resend-cooldown", { retryAfter: seconds(verdict[1] - at) });
    case "limited":
      return limited(asked, verdict[1]);
    default:
      throw new Error(`"${verdict[0]}" is no refusal`);
  }
}

/** The reached limit with the longest wait. */
function limited({ policy, perDay, at }: Asked, counts: SendCounts): AppError {
  const limits = [
    [
      counts.shortFrom,
      counts.shortCount,
      windows.shortMs,
      policy.destinationPer10Minutes,
      "10-minutes",
      "in ten minutes",
    ],
    [counts.hourFrom, counts.hourCount, windows.hourMs, policy.destinationPerHour, "hour", "in an hour"],
    [counts.dayFrom, counts.dayCount, windows.dayMs, policy.destinationPerDay, "day", "in a day"],
    [counts.globalFrom, counts.globalCount, windows.dayMs, perDay, "all-senders", "in a day, over all senders"],
  ] as const;
  const waits = limits.flatMap(([from, count, window, quota, name, words]) =>
    (from ?? 0) > at - window && (count ?? 0) >= quota
      ? [{ ms: (from ?? 0) + window - at, window, quota, name, words }]
      : [],
  );
  const longest = waits.sort((a, b) => b.ms - a.ms)[0];
  if (!longest) throw new Error("no limit is reached");
  const { ms, name, quota, window, words } = longest;
  const limit = { name: `destination-${name}`, quota, windowSeconds: window / 1000 };
  const detail = `At most ${quota} codes go to one number ${words}.`;
  return new AppError("destination-limited", { detail, retryAfter: seconds(ms), limit });
}

/** Too many wrong codes: neither checks nor sends until it is over. */
export function destinationLocked({ failedChecksPerHour }: Policy, ms: number): AppError {
  const limit = { name: "failed-checks", quota: failedChecksPerHour, windowSeconds: windows.hourMs / 1000 };
  return new AppError("destination-locked", { retryAfter: seconds(ms), limit });
}

const seconds = (ms: number) => Math.max(1, Math.ceil(ms / 1000));
