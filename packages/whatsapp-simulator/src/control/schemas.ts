import { z } from "zod";
import type { SendMessage } from "../api.ts";
import type { Fault } from "../faults.ts";
import { kinds } from "../phone/content/content.ts";
import { fileFields } from "../phone/content/media.ts";
import { mediaKinds } from "../phone/content/media-kinds.ts";

const phoneNumber = z
  .string()
  .max(20)
  .regex(/^\+?[1-9]\d{5,14}$/, "must be a phone number such as +6281234567890");
const addressing = z.enum(["pn", "lid"]);
const receipts = z.enum(["none", "delivered", "read", "played"]);
const name = z.string().trim().min(1).max(60);
const latencyMs = z.number().int().min(0).max(600_000);

export const createPhone = z.strictObject({
  number: phoneNumber,
  name: name.optional(),
  receipts: receipts.optional(),
  addressing: z.enum(["pn", "lid", "auto"]).optional(),
});

const windowMs = z.number().int().min(1).max(2_678_400_000);
const count = z.number().int().min(0).max(1_000_000);

const limits = z.strictObject({
  lockedUntil: z.iso.datetime({ offset: true }).nullable().optional(),
  lockAfter: z
    .strictObject({ coldSends: count.min(1), windowMs, lockMs: windowMs })
    .nullable()
    .optional(),
  newChats: z.strictObject({ total: count, cycleMs: windowMs, used: count.optional() }).nullable().optional(),
  sendRate: z.strictObject({ messages: count, windowMs }).nullable().optional(),
  banAfter: z.strictObject({ coldSends: count, windowMs }).nullable().optional(),
  isBanned: z.boolean().optional(),
  isQuiet: z.boolean().optional(),
});

export const patchPhone = z
  .strictObject({
    name: name.optional(),
    receipts: receipts.optional(),
    online: z.boolean().optional(),
    latencyMs: latencyMs.optional(),
    addressing: z.enum(["pn", "lid", "auto"]).optional(),
    limits: limits.optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, "must change something");

const groupJid = z.string().regex(/^\d{5,40}@g\.us$/, "must be a phone number or the jid of a group");
const options = {
  to: z.union([phoneNumber, groupJid]),
  addressing: addressing.optional(),
  forwarded: z.boolean().optional(),
  quotedMessageId: z.string().min(1).max(200).optional(),
  albumId: z.string().min(1).max(200).optional(),
  mentions: z.union([z.literal("all"), z.array(z.string().min(1).max(60)).min(1).max(100)]).optional(),
};
const [text, ...others] = Object.entries(kinds).map(([type, { fields }]) =>
  z.strictObject({
    type: type === "text" ? z.literal(type).optional() : z.literal(type),
    ...fields.shape,
    ...options,
  }),
);
const withMedia = Object.entries(mediaKinds).map(([type, { fields }]) =>
  z.strictObject({ type: z.literal(type), ...fileFields.shape, ...fields.shape, ...options }),
);
const written = z.discriminatedUnion("type", [text!, ...others, ...withMedia]);

const id = z.string().min(1).max(100);
const { to: chat, addressing: by } = options;
const actions = {
  reactTo: z.strictObject({ to: chat, addressing: by, reactTo: id, emoji: z.string().max(50) }),
  edit: z.strictObject({
    to: chat,
    addressing: by,
    edit: id,
    text: z.string().min(1).max(65_536),
    encrypted: z.boolean().optional(),
  }),
  delete: z.strictObject({ to: chat, addressing: by, delete: id }),
  voteIn: z.strictObject({
    to: chat,
    addressing: by,
    voteIn: id,
    options: z.array(z.string().max(1000)).max(20),
    creatorBy: by,
    voterBy: by,
  }),
  pin: z.strictObject({ to: chat, addressing: by, pin: id, isPinned: z.boolean() }),
  star: z.strictObject({ to: chat, star: id }),
  unstar: z.strictObject({ to: chat, unstar: id }),
  deleteForMe: z.strictObject({ to: chat, deleteForMe: id }),
};

/** A message of any kind that people write, a text without a type, or what they do to an earlier message. */
export function parseMessage(body: unknown): SendMessage {
  const action = Object.entries(actions).find(([field]) => typeof body === "object" && body !== null && field in body);
  return (action?.[1] ?? written).parse(body) as SendMessage;
}

export const openLink = z.strictObject({ link: z.string().min(1).max(60_000) });

/** The form of a QR in Sandi's API, so that its answer can be posted unchanged; the scan decides whether the code is still valid. */
export const scanQr = z.strictObject({ qr: z.string().min(1).max(2000), expiresAt: z.string().max(60).optional() });

const subject = z.string().trim().min(1).max(100);
const description = z.string().max(2048);
const numbers = z.array(phoneNumber).max(1024);

export const createGroup = z.strictObject({
  subject,
  participants: numbers,
  description: description.optional(),
});

export const patchGroup = z
  .strictObject({
    subject: subject.optional(),
    description: description.optional(),
    isAnnouncement: z.boolean().optional(),
    isLocked: z.boolean().optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, "must change something");

export const changeParticipants = z.strictObject({
  action: z.enum(["add", "remove", "promote", "demote"]),
  numbers: numbers.min(1),
});

export const typeCode = z.strictObject({ code: z.string().min(1).max(20) });

const number = phoneNumber.optional();
const times = z.number().int().min(1).max(1_000_000).optional();
const device = z.number().int().min(1).max(10_000).optional();
const code = z.number().int().min(100).max(999);
const to = phoneNumber.optional();
const backoff = z.number().int().min(0).max(1_000_000).optional();
const about = z.enum(["contact", "devices"]).optional();
const client = z.enum(["phone", "companion"]).optional();

const fault = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal(["replaced", "device-removed", "downgrade", "stream-end", "drop", "unreadable"]),
    number,
    device,
  }),
  z.strictObject({ kind: z.literal("stream-error"), number, device, code }),
  z.strictObject({
    kind: z.literal("out-of-turn"),
    number,
    device,
    says: z.enum(["success", "pair-device", "pair-success"]),
  }),
  z.strictObject({ kind: z.literal("http-answer"), status: z.number().int().min(400).max(599), times }),
  z.strictObject({ kind: z.literal("login-failure"), number, reason: code, times }),
  z.strictObject({
    kind: z.literal(["no-pong", "silence", "deaf", "mute", "one-name", "unregistered", "lid-only", "former-member"]),
    number,
  }),
  z.strictObject({ kind: z.literal("send-error"), number, code, to, addressing: addressing.optional(), times }),
  z.strictObject({ kind: z.literal("media-down"), host: z.literal([1, 2]).optional(), by: client, times }),
  z.strictObject({
    kind: z.literal("media-error"),
    status: z.number().int().min(400).max(599),
    at: z.enum(["download", "upload"]).optional(),
    by: client,
    times,
  }),
  z.strictObject({
    kind: z.literal("media-damaged"),
    how: z.enum(["tampered", "wrong-mac", "truncated"]),
    by: client,
    times,
  }),
  z.strictObject({ kind: z.literal("media-slow-upload"), ms: latencyMs, by: client, times }),
  z.strictObject({ kind: z.literal("no-ack"), number, to, deliver: z.boolean().optional(), times }),
  z.strictObject({ kind: z.literal("usync-silence"), number, to, about, times }),
  z.strictObject({
    kind: z.literal("usync-error"),
    number,
    to,
    about,
    at: z.enum(["user", "result", "iq"]).optional(),
    code,
    backoff,
    times,
  }),
  z.strictObject({ kind: z.literal("iq-error"), number, xmlns: z.string().min(1).max(60), code, backoff, times }),
  z.strictObject({
    kind: z.literal("app-state"),
    number,
    says: z.enum(["conflict", "more", "nothing", "tampered"]),
    times,
  }),
  z.strictObject({ kind: z.literal("limits-error"), number, empty: z.boolean().optional(), times }),
  z.strictObject({ kind: z.literal("latency"), number, ms: latencyMs }),
  z.strictObject({ kind: z.literal("empty-link-code"), number, passkey: z.boolean().optional(), times }),
  z.strictObject({ kind: z.literal("wrong-root"), times }),
  z.strictObject({
    kind: z.literal([
      "duplicate-receipts",
      "sparse-group",
      "missing-secret",
      "reorder",
      "placeholder",
      "corrupt-to-companion",
      "corrupt-to-phone",
      "tampered-account-signature",
      "tampered-bundle",
      "pairing-stall",
    ]),
    number,
    times,
  }),
]);

/** Any fault of faults.ts, and nothing else in the body. */
export function parseFault(body: unknown): Fault {
  // zod says `undefined` where the type says "absent".
  return JSON.parse(JSON.stringify(fault.parse(body))) as Fault;
}
