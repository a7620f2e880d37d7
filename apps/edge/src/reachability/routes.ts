import { CheckReachability, Reachability } from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { ok } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { reachabilityLimits } from "../rate-limits/named.ts";
import { checkReachability } from "./check-reachability.ts";

export const reachability: Feature = {
  tag: { name: "Verifications" },
  operations: [
    operation({
      id: "checkReachability",
      method: "post",
      path: "/v1/reachability",
      scope: "lookup:read",
      idempotent: "change",
      summary: "Check which numbers have a WhatsApp account",
      description:
        "Asks WhatsApp, through a session of yours, which numbers have an account. `isOnWhatsApp` is null if WhatsApp gave no answer. Answers are stored for days. At most 20 numbers in a minute and 200 in a day: WhatsApp bans accounts that ask about many numbers without an account, and this must not be used to collect lists of WhatsApp users.",
      body: { schema: CheckReachability, example: { numbers: ["+6281234567890"] } },
      answers: ok(Reachability, "One answer per number."),
      throws: [
        "session-not-found",
        "no-eligible-session",
        "session-not-online",
        "session-ended",
        "lookups-exhausted",
        "connector-unavailable",
      ],
      inputLimits: ({ actor }, { body }) => reachabilityLimits(actor, body.numbers.length),
      handle: async (ctx, { body }) => ({ results: await checkReachability(ctx, body) }),
    }),
  ],
};
