import { z } from "zod";

/** The prefix of an id says what kind of thing it names. */
export type IdPrefix =
  | "ws"
  | "usr"
  | "key"
  | "ses"
  | "msg"
  | "ver"
  | "evt"
  | "req"
  | "tpl"
  | "rul"
  | "aud"
  | "hook"
  | "pool"
  | "alc"
  | "inc"
  | "dlv"
  | "wrc"
  | "med"
  | "bat"
  | "cht"
  | "per"
  | "era"
  | "whe"
  | "rpl";

const crockford = "0123456789abcdefghjkmnpqrstvwxyz";
const randomBytes = 10;

/**
 * A sortable id: prefix, 48 bits of milliseconds, 80 random bits, in Crockford base32 (as a ULID, in lower case).
 * @param random at least 10 bytes from a cryptographic source
 */
export function createId<P extends IdPrefix>(prefix: P, now: Date, random: Uint8Array): `${P}_${string}` {
  if (random.length < randomBytes) throw new RangeError(`an id needs ${randomBytes} random bytes`);
  let time = now.getTime();
  let stamp = "";
  for (let i = 0; i < 10; i++) {
    stamp = crockford.charAt(time % 32) + stamp;
    time = Math.floor(time / 32);
  }
  let bits = 0;
  let held = 0;
  let tail = "";
  for (let i = 0; i < randomBytes; i++) {
    held = (held << 8) | (random[i] ?? 0);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      tail += crockford.charAt((held >> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  return `${prefix}_${stamp}${tail}`;
}

/** When an id was made. */
export function timeOfId(id: string): Date {
  const stamp = id.slice(id.indexOf("_") + 1).slice(0, 10);
  return new Date(Array.from(stamp).reduce((time, digit) => time * 32 + crockford.indexOf(digit), 0));
}

/** The schema of an id with this prefix. */
function idOf(prefix: IdPrefix, description: string) {
  return z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`), `must be an id such as ${prefix}_01jd…`)
    .meta({ description, example: `${prefix}_01jd3k9v7hq2w8x5n4b6m0c1ta` });
}

export const WorkspaceId = idOf("ws", "A workspace.");
export const SessionId = idOf("ses", "A session: one WhatsApp account, linked to Sandi as a device.");
export const PoolId = idOf("pool", "A sender pool: sessions that replace each other.");
export const MessageId = idOf("msg", "A message.");
export const BatchId = idOf("bat", "A batch: messages to many recipients.");
export const ChatId = idOf("cht", "A chat of a session, with a person or in a group.");
export const PersonId = idOf("per", "A person, as one session knows them.");
export const ErasureId = idOf("era", "The erasure of a person.");
export const MediaId = idOf("med", "A file that messages can hold.");
export const VerificationId = idOf("ver", "A verification.");
export const TemplateId = idOf("tpl", "A template.");
export const KeyId = idOf("key", "An API key.");
export const AccessRuleId = idOf("rul", "An allow or block rule.");
export const HookId = idOf("hook", "A hook of Supabase Auth.");
export const WebhookId = idOf("whe", "A webhook: an endpoint that gets events.");
export const ReplayId = idOf("rpl", "A replay of events onto a webhook.");
export const AlertChannelId = idOf("alc", "An alert channel.");
export const IncidentId = idOf("inc", "An incident.");
export const DeliveryId = idOf("dlv", "One message to an endpoint, such as an alert channel.");
export const AuditId = idOf("aud", "An entry of the audit log.");
export const RequestId = idOf(
  "req",
  "Also in the header `X-Request-Id`. Name it when you contact us. A replayed answer has the id of the first request.",
);
export const EventId = idOf("evt", "An event; the same id is the same event, however often it arrives.");
