import { failureReasons, type Message, type Pacing, type Person, type Scope, ShownMessageType } from "@sandi/contracts";
import { seesAccounts } from "../auth/powers.ts";
import type { MessageTable } from "../db/tables/messages.ts";
import { shownMask } from "../phone.ts";
import { iso, isoOrNull } from "../time.ts";

export type DeliveryColumns = Pick<
  MessageTable,
  "status" | "failure" | "sentAt" | "deliveredAt" | "readAt" | "expiresAt" | "noAccountAt"
> & { messageUpdatedAt: number };
export type MessageRow = DeliveryColumns &
  Pick<
    MessageTable,
    | "id"
    | "sessionId"
    | "toMasked"
    | "createdAt"
    | "lane"
    | "metadata"
    | "sendAt"
    | "queuedAt"
    | "playedAt"
    | "direction"
    | "origin"
    | "chatId"
    | "personId"
    | "fromMasked"
    | "editedAt"
    | "isForwarded"
    | "isViewOnce"
    | "isOffline"
    | "deletedAt"
    | "batchId"
  > & {
    type: string;
    pacing: Pacing | null;
  };

/** The scopes of the reader, and the time. */
export interface Viewer {
  now: number;
  scopes: ReadonlySet<Scope>;
}

/** The message as the edge knows it: `withContent` adds what the connector keeps. */
export function toMessage(row: Omit<MessageRow, "pacing">, viewer: Viewer): Message {
  const isOfApi = row.direction === null && row.origin === null;
  const delivery = toDelivery(row, viewer);
  return {
    id: row.id,
    direction: row.direction ?? "outbound",
    origin: isOfApi ? "api" : row.origin,
    chatId: showsAccount(row, viewer) ? null : row.chatId,
    from: row.personId === null ? null : maskedPerson(row.personId, row.fromMasked),
    sessionId: row.sessionId === "" ? null : row.sessionId,
    to: row.toMasked === "" ? null : shownMask(row.toMasked),
    // A newer connector knows more types.
    type: ShownMessageType.safeParse(row.type).data ?? "unsupported",
    content: null,
    contentState: null,
    quotedMessageId: null,
    reactions: [],
    votes: [],
    isPinned: false,
    isStarred: false,
    lane: row.lane ?? "bulk",
    ...delivery,
    playedAt: isoOrNull(row.playedAt),
    isForwarded: row.isForwarded === 1,
    isViewOnce: row.isViewOnce === 1,
    isOffline: row.isOffline === 1,
    editedAt: isoOrNull(row.editedAt),
    // No status follows this one.
    revokedAt: delivery.status === "revoked" ? iso(row.messageUpdatedAt) : null,
    deletedAt: isoOrNull(row.deletedAt),
    metadata: JSON.parse(row.metadata ?? "{}") as Record<string, unknown>,
    batchId: row.batchId,
    sendAt: isoOrNull(row.sendAt),
    createdAt: iso(row.createdAt),
    expiresAt: isOfApi ? iso(row.expiresAt) : null,
  };
}

/**
 * Whether the chat of a message would show that its number has an account. A number without one has no chat. Readers without
 * `lookup:read` see the chat with the first receipt.
 */
export const showsAccount = (
  { toMasked, deliveredAt, direction, origin }: Pick<MessageRow, "toMasked" | "deliveredAt" | "direction" | "origin">,
  { scopes }: Pick<Viewer, "scopes">,
): boolean =>
  direction === null && origin === null && deliveredAt === null && toMasked.startsWith("+") && !seesAccounts(scopes);

/** A person as the edge knows them. @param phone as it is stored */
export const maskedPerson = (id: string, phone: string | null): Person => ({
  id,
  phone: phone === null ? null : shownMask(phone),
  lid: null,
  username: null,
  name: null,
});

/** A message that has expired unsent is shown as failed, also before cron stores it. */
export function toDelivery(row: DeliveryColumns, viewer: Viewer) {
  if (row.failure === "not_on_whatsapp" && !seesAccounts(viewer.scopes)) return asIfOff(row, viewer);
  const isWaiting = row.status === "queued" || row.status === "scheduled";
  const failure = isWaiting && row.expiresAt <= viewer.now ? "expired" : row.failure;
  return {
    status: failure === null ? row.status : ("failed" as const),
    sentAt: isoOrNull(row.sentAt),
    deliveredAt: isoOrNull(row.deliveredAt),
    readAt: isoOrNull(row.readAt),
    failure: failure && { reason: failure, detail: failureReasons[failure] },
  };
}

/**
 * For other keys a number without an account looks like a phone that is off: the message is sent and not delivered. After
 * a cancel it is `sent`, and `revoked` follows.
 */
const asIfOff = ({ status, noAccountAt, messageUpdatedAt }: DeliveryColumns, { now }: Viewer) => ({
  status: status === "revoked" && messageUpdatedAt <= now ? ("revoked" as const) : ("sent" as const),
  sentAt: iso(noAccountAt ?? messageUpdatedAt),
  deliveredAt: null,
  readAt: null,
  failure: null,
});
