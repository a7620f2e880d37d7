import { z } from "zod";
import { asSet, CompanyName } from "./common.ts";

export const Country = z
  .string()
  .regex(/^[A-Z]{2}$/, "must be an ISO 3166-1 alpha-2 code, such as ID")
  .meta({ description: "ISO 3166-1 alpha-2.", example: "ID" });

/** Languages that Sandi has built-in texts for. */
export const locales = ["en", "id", "ar", "es", "pt-BR", "fr", "hi", "ur", "tr"] as const;
export const Locale = z.enum(locales).meta({ description: "Language of the text.", example: "id" });
export type Locale = z.infer<typeof Locale>;

export const VerificationMode = z.enum(["push", "inbound", "auto"]).meta({
  description:
    "`push`: Sandi sends the code to the user. `inbound`: the user sends us a token, with a link or its QR code. `auto`: `push` for people who have written to the sending session before, `inbound` for all others.",
});
export type VerificationMode = z.infer<typeof VerificationMode>;

export const InboundVariant = z.enum(["match", "reply"]).meta({
  description:
    "`match`: the verification is approved when the token arrives from the expected number. `reply`: Sandi answers the token with the code, and the user types the code in. An attacker who forwards the link to the number's owner then gains nothing. With a `bind` or a `clientBinding` the variant is always `reply`, because the user's message shows neither.",
});

export type InboundVariant = z.infer<typeof InboundVariant>;

export const CodeAlphabet = z.enum(["numeric", "alphanumeric"]).meta({
  description: "`alphanumeric`: capital letters and digits, without characters that look alike (0 O 1 I L …).",
});
export type CodeAlphabet = z.infer<typeof CodeAlphabet>;

export const MessageContent = z.enum(["keep", "pass", "drop"]).meta({
  description:
    "What becomes of the content of received messages, which lies encrypted at the connector and with its events. `keep`: kept for `retentionDays.content`. `pass`: kept for 72 hours. `drop`: not kept, and events carry none. A change reaches a session with the next message that it receives, and then also applies to earlier messages.",
});

export const PrefixGuardLevel = z.enum(["off", "basic", "standard", "max"]).meta({
  description:
    "How strictly the prefix guard blocks. It blocks a prefix of seven digits when users type in too few of the codes sent to it. Codes that the caller knows (from a hook, an own `code`, or a revealed code) are not counted, because they may be checked elsewhere. A blocked prefix and all limits also apply to them.",
});
export type PrefixGuardLevel = z.infer<typeof PrefixGuardLevel>;

const amount = (max: number, value: number, description: string) =>
  z.int().min(1).max(max).default(value).meta({ description });

/** The settings of a workspace; every field has a default. */
export const Policy = z
  .strictObject({
    defaultCountry: Country.nullable().default(null).meta({
      description: "The country of national numbers.",
    }),
    countries: z
      .array(Country.or(z.literal("*")))
      .max(250)
      .overwrite(asSet)
      .default([])
      .meta({
        description:
          "The countries that codes may go to. Empty: the default country only. `*`: all countries. A set, sorted in answers.",
      }),
    modes: z
      .array(VerificationMode)
      .min(1)
      .max(3)
      .overwrite((modes) => VerificationMode.options.filter((mode) => modes.includes(mode)))
      .default(["push", "inbound", "auto"])
      .meta({ description: "The modes that a request may have. A set." }),
    defaultMode: VerificationMode.default("push"),
    inboundVariant: InboundVariant.default("match"),
    companyName: CompanyName.nullable().default(null),
    locale: Locale.nullable().default(null).meta({ description: "Null: the language of the number's country." }),
    codeLength: z.int().min(4).max(8).default(6).meta({
      description:
        "With 4 or 5 characters: at most 3 checks and 300 seconds, and a lock after 10 wrong codes in a row.",
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
      .meta({ description: "The wait before the second, third … send. The last value repeats." }),
    allowReveal: z.boolean().default(false).meta({
      description: "Whether a key with `otp:reveal` may get the code in the answer.",
    }),
    destinationPer10Minutes: amount(1000, 5, "Sends to one number in ten minutes."),
    destinationPerHour: amount(1000, 10, "Sends to one number in an hour."),
    destinationPerDay: amount(1000, 20, "Sends to one number in a day."),
    failedChecksPerHour: amount(100, 20, "Wrong codes for one number in an hour, in all its verifications."),
    lockAfterFailures: amount(1000, 100, "Wrong codes in a row for one number that lock it for a day."),
    messagesPerRecipientPerHour: amount(
      10_000,
      30,
      "Messages (`/v1/messages`) to one number in an hour: enough for a conversation, too few for an endless loop.",
    ),
    messagesPerRecipientPerDay: amount(
      100_000,
      100,
      "Messages to one number in a day. More looks like spam, and WhatsApp can ban an account that recipients report.",
    ),
    ipSendsPerMinute: amount(10_000, 10, "Sends for one `endUserIp` in a minute; IPv6 counts by /64."),
    ipSendsPerHour: amount(10_000, 50, "Sends for one `endUserIp` in an hour."),
    ipChecksPer5Minutes: amount(10_000, 30, "Checks for one `endUserIp` in five minutes."),
    accountSendsPerHour: amount(10_000, 10, "Sends for one `account` in an hour."),
    statusPollsPerMinute: amount(600, 60, "Reads of one verification in a minute."),
    imageMegabytes: amount(50, 50, "The largest image or sticker, in MB. WhatsApp takes stickers of 0.5 MB."),
    videoMegabytes: amount(50, 50, "The largest video, in MB."),
    audioMegabytes: amount(50, 50, "The largest audio, in MB. WhatsApp takes voice notes of 16 MB."),
    documentMegabytes: amount(100, 100, "The largest document, in MB. The edge takes no file above 95 MiB."),
    prefixGuard: PrefixGuardLevel.default("standard"),
    messageContent: MessageContent.default("pass").meta({
      description: `${MessageContent.description} New workspaces have \`keep\`; workspaces from before December 2026 have \`pass\` until they change it.`,
    }),
    retentionDays: z
      .strictObject({
        verifications: z.int().min(1).max(90).default(7),
        messages: z.int().min(1).max(90).default(30),
        media: z
          .int()
          .min(1)
          .max(90)
          .default(30)
          .meta({ description: "Files that messages use, counted from the upload. Unused uploads live 24 hours." }),
        content: z
          .int()
          .min(1)
          .max(90)
          .default(30)
          .meta({ description: "The content of received messages and of events, with `messageContent: keep`." }),
        events: z.int().min(1).max(90).default(30).meta({
          description: "Events: what `GET /v1/events`, timelines and replays show.",
        }),
        deliveries: z.int().min(1).max(90).default(30).meta({
          description: "Deliveries of events to webhooks, with their attempts, also those that still wait.",
        }),
        audit: z.int().min(30).max(3650).default(365),
      })
      .default({ verifications: 7, messages: 30, media: 30, content: 30, events: 30, deliveries: 30, audit: 365 })
      .meta({
        description:
          "Rows are deleted after this number of days. The quota's `retentionDays` is the maximum, also if it is lowered later.",
      }),
  })
  .meta({ id: "Policy", description: "The settings of a workspace." });
export type Policy = z.infer<typeof Policy>;

/** The limits that the operator sets for a workspace. A workspace cannot change them. */
export const Quota = z
  .strictObject({
    keyPerSecond: amount(100_000, 20, "Requests of one API key in a second, on average."),
    keyBurst: amount(200_000, 40, "Requests of one API key at once."),
    workspacePerSecond: amount(
      100_000,
      100,
      "Requests of all live keys together in a second, on average. All test keys together have the same limit. By default the limit of five keys, so that more keys do not mean more load. Never less than `keyPerSecond`.",
    ),
    workspaceBurst: amount(200_000, 200, "Requests of all live keys at once. Never less than `keyBurst`."),
    sendsPerDay: amount(
      100_000_000,
      10_000,
      "Sends of the workspace in a day. Requests with an `Idempotency-Key` are limited to five times as many, because each is a row for 24 hours: a create, a check and three repetitions.",
    ),
    firstWeekSendsPerDay: amount(100_000_000, 200, "The same in the workspace's first seven days."),
    testSendsPerDay: amount(
      100_000_000,
      1_000,
      "Sends with test keys in a day: enough for test suites, too few to fill the database.",
    ),
    changesPerDay: amount(
      1_000_000,
      500,
      "Changes of keys, policy, templates, rules, hooks, pools, sessions and alert channels in a day. Deletions do not count, because each needs an earlier create. People and deployments make tens of changes. Each takes at most 2 KB of the audit log: below 400 MB in the worst year.",
    ),
    keysPerHour: amount(
      1_000,
      20,
      "API keys created or rotated in an hour: more than people or deployments need, too few to avoid the limits per key.",
    ),
    pairingCodesPerHour: amount(
      1_000,
      20,
      "Pairing codes in an hour; each shows a prompt on the phone of the number's owner. In addition, 5 in ten minutes for one session, and 3 in a day for one number over all workspaces.",
    ),
    mediaMegabytesPerDay: amount(
      10_000_000,
      10_000,
      "Files uploaded or fetched in a day, in MB; each counts as one at least, and an upload that does not say its size as 100. With `retentionDays.media` it limits what is stored.",
    ),
    retentionDays: z
      .strictObject({
        verifications: z.int().min(1).max(90).default(90),
        messages: z.int().min(1).max(90).default(90),
        media: z.int().min(1).max(90).default(90),
        content: z.int().min(1).max(90).default(90),
        events: z.int().min(1).max(90).default(90),
        deliveries: z.int().min(1).max(90).default(90),
        audit: z.int().min(30).max(3650).default(365).meta({
          description: "A year is what audits need. With `changesPerDay` it limits the size of the audit log.",
        }),
        analytics: z.int().min(92).max(3650).default(184).meta({
          description:
            "The hourly counts. The default is twice the longest range, to compare a range with the previous one.",
        }),
      })
      .default({
        verifications: 90,
        messages: 90,
        media: 90,
        content: 90,
        events: 90,
        deliveries: 90,
        audit: 365,
        analytics: 184,
      })
      .meta({ description: "The maximum of the policy's `retentionDays`, and how long the hourly counts are kept." }),
  })
  .meta({ id: "Quota", description: "The limits that the operator sets for a workspace." });
export type Quota = z.infer<typeof Quota>;
