import { z } from "zod";
import { Failure, MessageStatus } from "../delivery.ts";
import { MessageId, PoolId, SessionId, TemplateId, VerificationId } from "../ids.ts";
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
  .meta({ description: "What the code is for. A number has one pending verification per purpose.", example: "login" });

const To = writtenNumber("The number to verify");

export const Bind = z
  .strictObject({
    amount: plainLine(30).optional().meta({ description: "The text that the user sees.", example: "IDR 150,000" }),
    payee: plainLine(60)
      .refine((payee) => !holdsPhone(payee), "must not hold 7 or more digits with no letter between them")
      .optional()
      .meta({
        description:
          "The name of the payee that the user sees. It must not hold 7 or more digits with no letter between them, such as a phone or account number: phones make these tappable.",
        example: "Toko Makmur",
      }),
  })
  .refine(({ amount, payee }) => amount !== undefined || payee !== undefined, "must name an amount or a payee")
  .meta({
    id: "Bind",
    description:
      "What the user confirms with the code. The text shows it, and a check must name the same values. An inbound verification with a `bind` is always of the variant `reply`: the user's message alone never approves it.",
  });
export type Bind = z.infer<typeof Bind>;

const s256 = /^[A-Za-z0-9_-]{43}$/;

export const ClientBinding = z
  .strictObject({
    method: z.literal("S256"),
    challenge: z.string().regex(s256, "must be a SHA-256 in base64url").meta({
      description:
        "base64url(SHA-256(verifier)), as in PKCE: only the client that holds the verifier can check. An inbound verification with it is always of the variant `reply`.",
      example: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    }),
  })
  .meta({ id: "ClientBinding" });

const EndUserIp = z.union([z.ipv4(), z.ipv6()], "must be an IPv4 or IPv6 address").meta({
  description: "The IP address of your user, for the limits per address (IPv6 per /64).",
  example: "203.0.113.7",
});

export const CreateVerification = z
  .strictObject({
    to: To,
    purpose: Purpose.default("login"),
    mode: VerificationMode.optional().meta({ description: "Default: the policy's `defaultMode`." }),
    inboundVariant: InboundVariant.optional().meta({
      description: "Default: the policy's. With a `bind` or a `clientBinding` it is `reply`, and `match` is refused.",
    }),
    companyName: CompanyName.optional(),
    locale: Locale.optional(),
    templateId: TemplateId.optional().meta({ description: "Default: the template of the purpose." }),
    expiresIn: z
      .int()
      .min(60)
      .max(600)
      .optional()
      .meta({ description: "Seconds, 60 to 600. Default: the policy's `expiresInSeconds`." }),
    codeLength: z.int().min(4).max(8).optional(),
    codeAlphabet: CodeAlphabet.optional(),
    code: Code.optional().meta({
      description:
        "Your own code instead of a random one. It needs the scope `otp:custom`, and its approval has no proof.",
      example: "480213",
    }),
    revealCode: z.literal(true).optional().meta({
      description:
        "Shows the code in this answer only. It needs the scope `otp:reveal` and `allowReveal` in the policy, and its approval has no proof.",
    }),
    bind: Bind.optional(),
    clientBinding: ClientBinding.optional(),
    endUserIp: EndUserIp.optional(),
    account: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .meta({ description: "Your id of the user's account, for the limits per account.", example: "user-42" }),
    metadata: z
      .record(z.string().min(1).max(40), z.string().max(200))
      .refine((entries) => Object.keys(entries).length <= 20, "must not have more than 20 entries")
      .optional()
      .meta({ description: "Your own data, returned with the verification. No secrets.", example: { userId: "42" } }),
    route: z
      .strictObject({ sessionId: SessionId.optional(), poolId: PoolId.optional() })
      .refine(
        ({ sessionId, poolId }) => (sessionId === undefined) !== (poolId === undefined),
        "must name a session or a pool",
      )
      .optional()
      .meta({
        description:
          "The only session that may send, or a pool of senders that replace each other. Default: the default pool.",
      }),
  })
  .refine(({ code, revealCode }) => !(code !== undefined && revealCode), {
    path: ["revealCode"],
    error: "cannot be given together with your own code",
  })
  .refine(({ code, codeLength, codeAlphabet }) => code === undefined || (codeLength ?? codeAlphabet) === undefined, {
    path: ["code"],
    error: "has its own length and alphabet",
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
      description: "The verifier. Its SHA-256 is the `clientBinding.challenge`.",
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
  .meta({ id: "Delivery", description: "The status of the latest message with the code." });

export const Inbound = z
  .object({
    variant: InboundVariant,
    link: z.url().meta({
      description: "A link that opens WhatsApp with the message ready to send.",
      example: "https://wa.me/6281200000001?text=Acme%20SV-7K2M9QXP4T6WH",
    }),
    qr: z.string().meta({ description: "The link as an SVG image, for another screen.", example: "<svg …/>" }),
    text: z
      .string()
      .max(256)
      .meta({ description: "The message that the user sends.", example: "Acme: SV-7K2M9QXP4T6WH" }),
    receivedAt: Timestamp.nullable().meta({ description: "When the user's message arrived." }),
  })
  .meta({ id: "Inbound", description: "How the user writes to us. Shown only while the verification is pending." });

export type Inbound = z.infer<typeof Inbound>;

export const Verification = z
  .object({
    id: VerificationId,
    status: VerificationStatus,
    created: z.boolean().meta({
      description: "False if a pending verification existed and its code was sent again.",
    }),
    mode: z.enum(["push", "inbound"]).meta({ description: "The mode that is used; never `auto`." }),
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
    resendAfter: Timestamp.meta({ description: "From this time on another create sends the code again." }),
    delivery: Delivery.nullable().meta({ description: "Null until there is a message to the user." }),
    inbound: Inbound.nullable(),
    code: Code.optional().meta({ description: "Only with `revealCode`." }),
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
      "EdDSA JWT that another of your services can verify with `/.well-known/jwks.json`: its audience is your workspace (`<workspace>/test` in the sandbox), and it is valid for five minutes. Null if the caller knew the code.",
  }),
}).meta({ id: "ApprovedVerification" });
export type ApprovedVerification = z.infer<typeof ApprovedVerification>;
