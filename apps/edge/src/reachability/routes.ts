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
      summary: "Who has a WhatsApp account",
      description:
        "Asks WhatsApp, through a session of yours, which numbers have an account. `isOnWhatsApp` is null where WhatsApp did not say. Answers are kept for days, and asking is limited (20 numbers a minute, 200 a day): to ask after many dead numbers is a way to lose the account, and to list who uses WhatsApp is not what this is for.",
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
