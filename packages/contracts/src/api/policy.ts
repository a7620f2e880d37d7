import { z } from "zod";
import { asSet, CompanyName } from "./common.ts";

export const Country = z
  .string()
  .regex(/^[A-Z]{2}$/, "must be an ISO 3166-1 alpha-2 code, such as ID")
  .meta({ description: "ISO 3166-1 alpha-2.", example: "ID" });

/** Languages that Sandi brings texts in. */
export const locales = ["en", "id", "ar", "es", "pt-BR", "fr", "hi", "ur", "tr"] as const;
export const Locale = z.enum(locales).meta({ description: "Language of the text.", example: "id" });
export type Locale = z.infer<typeof Locale>;

export const VerificationMode = z.enum(["push", "inbound", "auto"]).meta({
  description:
    "`push`: Sandi writes to the user. `inbound`: the user sends us a token, with a link or its QR code. `auto`: push to people who have written to the sending session before, inbound to the rest.",
});
export type VerificationMode = z.infer<typeof VerificationMode>;

export const InboundVariant = z.enum(["match", "reply"]).meta({
  description:
    "`match`: approved as soon as the token comes from the expected number. `reply`: the code is then sent in answer and has to be typed back, so that a link sent on to the number's owner is of no use. With a `bind` or a `clientBinding` it is always `reply`: the user's message shows neither.",
});

export type InboundVariant = z.infer<typeof InboundVariant>;

export const CodeAlphabet = z.enum(["numeric", "alphanumeric"]).meta({
  description: "`alphanumeric`: capitals and digits without look-alikes (0 O 1 I L and the like).",
});
export type CodeAlphabet = z.infer<typeof CodeAlphabet>;

export const PrefixGuardLevel = z.enum(["off", "basic", "standard", "max"]).meta({
  description:
    "How readily a prefix of seven digits is blocked whose codes are hardly ever typed in. Codes that the caller knows (a hook's, an own `code`, a revealed one) are not counted: they may be checked elsewhere. A blocked prefix, and all limits, hold for them too.",
});
export type PrefixGuardLevel = z.infer<typeof PrefixGuardLevel>;

const amount = (max: number, value: number, description: string) =>
  z.int().min(1).max(max).default(value).meta({ description });

/** What a workspace may choose for its verifications; every field has a default. */
export const Policy = z
  .strictObject({
    defaultCountry: Country.nullable().default(null).meta({
      description: "National numbers are read as numbers of this country.",
    }),
    countries: z
      .array(Country.or(z.literal("*")))
      .max(250)
      .overwrite(asSet)
      .default([])
      .meta({
        description: "Where codes may go; empty: the default country only; `*`: everywhere. A set: answered sorted.",
      }),
    modes: z
      .array(VerificationMode)
      .min(1)
      .max(3)
      .overwrite((modes) => VerificationMode.options.filter((mode) => modes.includes(mode)))
      .default(["push", "inbound", "auto"])
      .meta({ description: "Which modes a request may ask for. A set." }),
    defaultMode: VerificationMode.default("push"),
    inboundVariant: InboundVariant.default("match"),
    companyName: CompanyName.nullable().default(null),
    locale: Locale.nullable().default(null).meta({ description: "Null: by the number's country." }),
    codeLength: z.int().min(4).max(8).default(6).meta({
      description: "With 4 or 5: three checks, 300 seconds at most, and a lock after 10 wrong codes in a row.",
    }),
    codeAlphabet: CodeAlphabet.default("numeric"),
    expiresInSeconds: z.int().min(60).max(600).default(300),
    maxChecks: z.int().min(1).max(10).default(5),
    maxSends: z.int().min(1).max(10).default(5),
    cooldownSeconds: z
      .array(z.int().min(10).max(3600))
      .min(1)
      .max(10)
      .default([30, 60, 120, 300])
      .meta({ description: "Before the second, third … send; the last one repeats." }),
    allowReveal: z.boolean().default(false).meta({
      description: "Whether a key with `otp:reveal` may ask for the code in the answer.",
    }),
    destinationPer10Minutes: amount(1000, 5, "Sends to one number in ten minutes."),
    destinationPerHour: amount(1000, 10, "Sends to one number in an hour."),
    destinationPerDay: amount(1000, 20, "Sends to one number in a day."),
    failedChecksPerHour: amount(100, 20, "Wrong codes for one number in an hour, over all its verifications."),
    lockAfterFailures: amount(1000, 100, "Wrong codes in a row for one number that lock it for a day."),
    messagesPerRecipientPerHour: amount(
      10_000,
      30,
      "Messages (`/v1/messages`) to one number in an hour: room for a conversation, not for a loop that repeats itself.",
    ),
    messagesPerRecipientPerDay: amount(
      100_000,
      100,
      "Messages to one number in a day. More than that looks like spam to the recipient, whose report can end the account.",
    ),
    ipSendsPerMinute: amount(10_000, 10, "Sends for one `endUserIp` in a minute; IPv6 counts by /64."),
    ipSendsPerHour: amount(10_000, 50, "Sends for one `endUserIp` in an hour."),
    ipChecksPer5Minutes: amount(10_000, 30, "Checks for one `endUserIp` in five minutes."),
    accountSendsPerHour: amount(10_000, 10, "Sends for one `account` in an hour."),
    statusPollsPerMinute: amount(600, 60, "Looks at one verification in a minute."),
    prefixGuard: PrefixGuardLevel.default("standard"),
    retentionDays: z
      .strictObject({
        verifications: z.int().min(1).max(90).default(7),
        messages: z.int().min(1).max(90).default(30),
        audit: z.int().min(30).max(3650).default(365),
      })
      .default({ verifications: 7, messages: 30, audit: 365 })
      .meta({
        description:
          "After so many days rows are deleted. Each is at most the quota's field of that name, which also holds where it was lowered later.",
      }),
  })
  .meta({ id: "Policy", description: "What a workspace may choose for its verifications." });
export type Policy = z.infer<typeof Policy>;

/** What the operator grants a workspace; it cannot grant itself more. */
export const Quota = z
  .strictObject({
    keyPerSecond: amount(100_000, 20, "Requests of one API key in a second, on average."),
    keyBurst: amount(200_000, 40, "Requests of one API key at once."),
    workspacePerSecond: amount(
      100_000,
      100,
      "Requests of all live keys together in a second, on average; test keys have the same again. As many as five keys, so that more keys do not mean more load. Never less than `keyPerSecond`.",
    ),
    workspaceBurst: amount(200_000, 200, "Requests of all live keys at once. Never less than `keyBurst`."),
    sendsPerDay: amount(
      100_000_000,
      10_000,
      "Sends of the workspace in a day. Requests with an `Idempotency-Key`, each a row for 24 hours, are limited to five times as many: a create, a check and three repetitions.",
    ),
    firstWeekSendsPerDay: amount(100_000_000, 200, "The same in the workspace's first seven days."),
    testSendsPerDay: amount(
      100_000_000,
      1_000,
      "Sends with test keys in a day: enough for test suites, while rehearsals cannot fill the database.",
    ),
    changesPerDay: amount(
      1_000_000,
      500,
      "Changes of keys, policy, templates, rules, hooks, pools, sessions and alert channels in a day; deletions do not count, for each needs something that was made. People and deployments make tens. Each is at most 2 KB of the audit log: below 400 MB in the worst year.",
    ),
    keysPerHour: amount(
      1_000,
      20,
      "API keys created or rotated in an hour: more than people or deployments need, too few to get around limits per key.",
    ),
    pairingCodesPerHour: amount(
      1_000,
      20,
      "Pairing codes in an hour, each a prompt on the phone of the number's owner. Beside it, for everybody: 5 in ten minutes for one session, and 3 in a day for one number, over all workspaces.",
    ),
    retentionDays: z
      .strictObject({
        verifications: z.int().min(1).max(90).default(90),
        messages: z.int().min(1).max(90).default(90),
        audit: z.int().min(30).max(3650).default(365).meta({
          description: "A year covers what audits ask for; with `changesPerDay` it bounds the audit log's size.",
        }),
        analytics: z.int().min(92).max(3650).default(184).meta({
          description: "The hourly counts: twice the longest range, to compare it with the one before.",
        }),
      })
      .default({ verifications: 90, messages: 90, audit: 365, analytics: 184 })
      .meta({ description: "The most that the policy's `retentionDays` may be, and how long counts are kept." }),
  })
  .meta({ id: "Quota", description: "What the operator grants a workspace." });
export type Quota = z.infer<typeof Quota>;
