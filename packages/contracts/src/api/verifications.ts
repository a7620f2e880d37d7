import { z } from "zod";
import { Failure, MessageStatus } from "../delivery.ts";
import { Problem } from "../problem.ts";
import { EventId, MessageId, PoolId, SessionId, TemplateId, VerificationId } from "../ids.ts";
import { Code, TypedCode } from "./codes.ts";
import { CompanyName, Timestamp, deliveryTimes, writtenNumber } from "./common.ts";
import { CodeAlphabet, Country, InboundVariant, Locale, VerificationMode } from "./policy.ts";
import { holdsPhone, plainLine } from "./text.ts";

export const VerificationStatus = z.enum([
  "pending",
  "approved",
  "canceled",
  "expired",
  "max_attempts_reached",
  "undeliverable",
  "blocked",
]);
export type VerificationStatus = z.infer<typeof VerificationStatus>;

export const Purpose = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_.-]{0,31}$/, "must be 1 to 32 of a-z, 0-9, '_', '.', '-'")
  .meta({ description: "What the code is for; one verification at a time per number and purpose.", example: "login" });

const To = writtenNumber("The number to verify");

export const Bind = z
  .strictObject({
    amount: plainLine(30).optional().meta({ description: "As it is shown to the user.", example: "IDR 150,000" }),
    payee: plainLine(60)
      .refine((payee) => !holdsPhone(payee), "must not hold 7 or more digits with no letter between them")
      .optional()
      .meta({
        description:
          "Who is paid, as it is shown to the user. It must not hold 7 or more digits with no letter between them, such as a phone or account number: phones make these tappable.",
        example: "Toko Makmur",
      }),
  })
  .refine(({ amount, payee }) => amount !== undefined || payee !== undefined, "must name an amount or a payee")
  .meta({
    id: "Bind",
    description:
      "What the code stands for: it is shown in the text, and the code is right only for a check that names the same. An inbound verification with a `bind` is answered with the code (`reply`), never approved by the user's message alone.",
  });
export type Bind = z.infer<typeof Bind>;

const s256 = /^[A-Za-z0-9_-]{43}$/;

export const ClientBinding = z
  .strictObject({
    method: z.literal("S256"),
    challenge: z.string().regex(s256, "must be a SHA-256 in base64url").meta({
      description:
        "base64url(SHA-256(verifier)), as in PKCE: only the client that holds the verifier can check. An inbound verification with it is answered with the code (`reply`).",
      example: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    }),
  })
  .meta({ id: "ClientBinding" });

const EndUserIp = z
  .union([z.ipv4(), z.ipv6()], "must be an IPv4 or IPv6 address")
  .meta({ description: "The address of your user: limits count by it (IPv6 by /64).", example: "203.0.113.7" });

export const CreateVerification = z
  .strictObject({
    to: To,
    purpose: Purpose.default("login"),
    mode: VerificationMode.optional().meta({ description: "The workspace's default mode if left out." }),
    inboundVariant: InboundVariant.optional().meta({
      description:
        "The policy's if left out. With a `bind` or a `clientBinding` it is `reply`, and `match` is refused.",
    }),
    companyName: CompanyName.optional(),
    locale: Locale.optional(),
    templateId: TemplateId.optional().meta({ description: "The default of the purpose if left out." }),
    expiresIn: z
      .int()
      .min(60)
      .max(600)
      .optional()
      .meta({ description: "Seconds, 60 to 600; the workspace's policy if left out." }),
    codeLength: z.int().min(4).max(8).optional(),
    codeAlphabet: CodeAlphabet.optional(),
    code: Code.optional().meta({
      description: "A code of your own in place of a random one. Scope `otp:custom`. There is no proof for it.",
      example: "480213",
    }),
    revealCode: z.literal(true).optional().meta({
      description:
        "Answers the code once, in this response. Takes the scope `otp:reveal` and the workspace's policy. There is no proof for it.",
    }),
    bind: Bind.optional(),
    clientBinding: ClientBinding.optional(),
    endUserIp: EndUserIp.optional(),
    account: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .meta({ description: "Your id of the account: its sends are limited together.", example: "user-42" }),
    metadata: z
      .record(z.string().min(1).max(40), z.string().max(200))
      .refine((entries) => Object.keys(entries).length <= 20, "must not have more than 20 entries")
      .optional()
      .meta({ description: "Yours; handed back with the verification. No secrets.", example: { userId: "42" } }),
    route: z
      .strictObject({ sessionId: SessionId.optional(), poolId: PoolId.optional() })
      .refine(
        ({ sessionId, poolId }) => (sessionId === undefined) !== (poolId === undefined),
        "must name a session or a pool",
      )
      .optional()
      .meta({
        description:
          "A session that sends, and no other; or a pool, whose senders stand in for each other. The default pool if left out.",
      }),
  })
  .refine(({ code, revealCode }) => !(code !== undefined && revealCode), {
    path: ["revealCode"],
    error: "cannot be asked for a code that you bring yourself",
  })
  .refine(({ code, codeLength, codeAlphabet }) => code === undefined || (codeLength ?? codeAlphabet) === undefined, {
    path: ["code"],
    error: "brings its own length and alphabet",
  })
  .refine(({ inboundVariant, bind, clientBinding }) => inboundVariant !== "match" || !(bind ?? clientBinding), {
    path: ["inboundVariant"],
    error: "must be `reply` with a `bind` or a `clientBinding`: the user's message alone shows neither",
  })
  .meta({ id: "CreateVerification" });
export type CreateVerification = z.infer<typeof CreateVerification>;

const check = {
  code: TypedCode,
  bind: Bind.optional(),
  clientVerifier: z
    .string()
    .regex(/^[A-Za-z0-9._~-]{43,128}$/, "must be 43 to 128 of A-Z, a-z, 0-9, '-', '.', '_', '~'")
    .optional()
    .meta({
      description: "What `clientBinding.challenge` is the SHA-256 of.",
      example: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }),
  endUserIp: EndUserIp.optional(),
};

export const CheckVerification = z.strictObject(check).meta({ id: "CheckVerification" });
export type CheckVerification = z.infer<typeof CheckVerification>;

export const CheckByNumber = z
  .strictObject({ to: To, purpose: Purpose.default("login"), ...check })
  .meta({ id: "CheckByNumber", description: "Checks the pending verification of this number and purpose." });
export type CheckByNumber = z.infer<typeof CheckByNumber>;

export const ApproveVerification = z
  .strictObject({
    reason: plainLine(200).meta({ description: "Kept in the audit log.", example: "checked by phone call" }),
    bind: check.bind,
    clientVerifier: check.clientVerifier,
  })
  .meta({ id: "ApproveVerification" });
export type ApproveVerification = z.infer<typeof ApproveVerification>;

export const Delivery = z
  .object({
    status: MessageStatus,
    messageId: MessageId,
    sessionId: SessionId.nullable().meta({ description: "Null in the sandbox." }),
    ...deliveryTimes,
    failure: Failure.nullable(),
  })
  .meta({ id: "Delivery", description: "Where the latest message with the code stands." });

export const Inbound = z
  .object({
    variant: InboundVariant,
    link: z.url().meta({
      description: "Opens WhatsApp with the message ready to send.",
      example: "https://wa.me/6281200000001?text=Acme%20SV-7K2M9QXP4T6WH",
    }),
    qr: z.string().meta({ description: "The link as an SVG image, for another screen.", example: "<svg …/>" }),
    text: z
      .string()
      .max(256)
      .meta({ description: "The message that the user sends.", example: "Acme: SV-7K2M9QXP4T6WH" }),
    receivedAt: Timestamp.nullable().meta({ description: "The user's message came." }),
  })
  .meta({ id: "Inbound", description: "How the user writes to us. Shown while the verification is pending." });

export type Inbound = z.infer<typeof Inbound>;

export const Verification = z
  .object({
    id: VerificationId,
    status: VerificationStatus,
    created: z.boolean().meta({
      description: "False when a create found a pending verification and sent the same code again.",
    }),
    mode: z.enum(["push", "inbound"]).meta({ description: "What `auto` came to, or what was asked for." }),
    to: z.string().max(32).meta({ description: "The number, masked.", example: "+62812•••7890" }),
    country: Country.or(z.literal("")).meta({ description: "Empty for numbers of the sandbox." }),
    purpose: Purpose,
    locale: Locale,
    templateId: TemplateId.nullable(),
    codeLength: z.int().min(4).max(10),
    bind: Bind.nullable(),
    expiresAt: Timestamp,
    attemptsLeft: z.int().min(0).max(10),
    sendsLeft: z.int().min(0).max(10),
    resendAfter: Timestamp.meta({ description: "From then on another create sends the code again." }),
    delivery: Delivery.nullable().meta({ description: "Null until there is a message from us." }),
    inbound: Inbound.nullable(),
    code: Code.optional().meta({ description: "Only where `revealCode` was granted." }),
    approvedBy: z.enum(["code", "inbound", "external"]).nullable(),
    approvedAt: Timestamp.nullable(),
    metadata: z.record(z.string(), z.string().max(200)),
    test: z.boolean().meta({ description: "Made with a test key: nothing was sent." }),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: "Verification" });
export type Verification = z.infer<typeof Verification>;

export const ApprovedVerification = Verification.extend({
  proof: z.string().max(2048).nullable().meta({
    description:
      "EdDSA JWT that another of your services can verify with `/.well-known/jwks.json`: audience your workspace (`<workspace>/test` for a rehearsal), five minutes. Null when the code was known to the caller.",
  }),
}).meta({ id: "ApprovedVerification" });
export type ApprovedVerification = z.infer<typeof ApprovedVerification>;

export const VerificationList = z
  .object({
    verifications: z.array(Verification).max(100),
    nextCursor: z
      .string()
      .max(64)
      .nullable()
      .meta({ description: "Ask with it for the next page; null: there is none." }),
  })
  .meta({ id: "VerificationList" });

export type VerificationList = z.infer<typeof VerificationList>;

const filters = {
  status: VerificationStatus.optional().meta({ description: "With this status only." }),
  purpose: Purpose.optional(),
  mode: z.enum(["push", "inbound"]).optional().meta({ description: "Of this mode only." }),
  country: Country.optional(),
  sessionId: SessionId.optional(),
  createdAfter: Timestamp.optional().meta({ description: "Created later than this." }),
  createdBefore: Timestamp.optional().meta({ description: "Created earlier than this." }),
  cursor: VerificationId.optional().meta({ description: "`nextCursor` of the page before." }),
};
const isTest = { description: "Made with a test key, or not." };
const limit = { description: "At most so many on a page." };

export const ListVerifications = z.object({
  ...filters,
  test: z.enum(["true", "false"]).optional().meta(isTest),
  limit: z.coerce.number().int().min(1).max(100).default(20).meta(limit),
});
export type ListVerifications = z.infer<typeof ListVerifications>;

export const SearchVerifications = z
  .strictObject({
    ...filters,
    to: To.optional().meta({ description: "Of this number only." }),
    test: z.boolean().optional().meta(isTest),
    limit: z.int().min(1).max(100).default(20).meta(limit),
  })
  .meta({ id: "SearchVerifications", description: "The filters of the list, and a number." });
export type SearchVerifications = z.infer<typeof SearchVerifications>;

export const TimelineEvent = z
  .object({
    id: EventId,
    type: z.string().max(64).meta({
      description: "A past fact: `verification.created`, `message.sent`, `verification.approved` …",
      example: "message.sent",
    }),
    at: Timestamp,
    messageId: MessageId.nullable(),
    sessionId: SessionId.nullable(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "TimelineEvent" });

export const Timeline = z.object({ events: z.array(TimelineEvent).max(500) }).meta({ id: "Timeline" });

export const CreateVerifications = z
  .strictObject({ verifications: z.array(CreateVerification).min(1).max(500) })
  .meta({ id: "CreateVerifications", description: "Up to 500, each with a result of its own." });

export const VerificationResult = z
  .object({
    status: z
      .int()
      .min(200)
      .max(599)
      .meta({ description: "The HTTP status that a request of its own would have had.", example: 202 }),
    verification: Verification.optional(),
    problem: Problem.optional(),
  })
  .meta({ id: "VerificationResult" });

export type VerificationResult = z.infer<typeof VerificationResult>;

export const VerificationResults = z
  .object({ results: z.array(VerificationResult).max(500) })
  .meta({ id: "VerificationResults", description: "In the order of the request." });
