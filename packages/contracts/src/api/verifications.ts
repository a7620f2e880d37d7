import { z } from "zod";
import { Failure, MessageStatus } from "../delivery.ts";
import { MessageId, SessionId, VerificationId } from "../ids.ts";
import { CompanyName, Timestamp, deliveryTimes } from "./common.ts";

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

export const CreateVerification = z
  .strictObject({
    to: z
      .string()
      .min(1)
      .max(32)
      .meta({ description: "The number to verify, in E.164 form.", example: "+6281234567890" }),
    purpose: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_.-]{0,31}$/, "must be 1 to 32 of a-z, 0-9, '_', '.', '-'")
      .default("login")
      .meta({
        description: "What the code is for; one verification at a time per number and purpose.",
        example: "login",
      }),
    companyName: CompanyName.optional(),
    expiresIn: z.int().min(60).max(600).default(300).meta({ description: "Seconds, 60 to 600." }),
    metadata: z
      .record(z.string().min(1).max(40), z.string().max(200))
      .refine((entries) => Object.keys(entries).length <= 20, "must not have more than 20 entries")
      .optional()
      .meta({ description: "Yours; handed back with the verification. No secrets.", example: { userId: "42" } }),
    route: z
      .strictObject({ sessionId: SessionId })
      .optional()
      .meta({ description: "Which session sends; any that can if left out." }),
  })
  .meta({ id: "CreateVerification" });
export type CreateVerification = z.infer<typeof CreateVerification>;

export const CheckVerification = z
  .strictObject({
    code: z
      .string()
      .regex(/^[0-9A-Za-z]{4,8}$/, "must be 4 to 8 letters or digits")
      .meta({ description: "What the user typed.", example: "123456" }),
  })
  .meta({ id: "CheckVerification" });
export type CheckVerification = z.infer<typeof CheckVerification>;

export const Delivery = z
  .object({
    status: MessageStatus,
    messageId: MessageId,
    sessionId: SessionId,
    ...deliveryTimes,
    failure: Failure.nullable(),
  })
  .meta({ id: "Delivery", description: "Where the latest message with the code stands." });

export const Verification = z
  .object({
    id: VerificationId,
    status: VerificationStatus,
    created: z.boolean().meta({
      description: "False when a create found a pending verification and sent the same code again.",
    }),
    mode: z.enum(["push"]).meta({ description: "`push`: Sandi writes to the user." }),
    to: z.string().meta({ description: "The number, masked.", example: "+62812•••7890" }),
    purpose: z.string(),
    expiresAt: Timestamp,
    attemptsLeft: z.int(),
    sendsLeft: z.int(),
    resendAfter: Timestamp.meta({ description: "From then on another create sends the code again." }),
    delivery: Delivery,
    metadata: z.record(z.string(), z.string()),
    test: z.boolean().meta({ description: "Made with a test key." }),
  })
  .meta({ id: "Verification" });
export type Verification = z.infer<typeof Verification>;
