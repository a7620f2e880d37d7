import type { Inbound, Verification } from "@sandi/contracts";
import { inboundTokens } from "@sandi/crypto";
import type { MessageTable } from "../db/tables/messages.ts";
import type { VerificationTable } from "../db/tables/verifications.ts";
import { senderOf } from "../messages/sender-of.ts";
import { type DeliveryColumns, toDelivery, type Viewer } from "../messages/present.ts";
import { shownMask } from "../phone.ts";
import { iso, isoOrNull } from "../time.ts";
import type { Services } from "../services.ts";
import { qrSvg } from "../sessions/qr.ts";
import { variantOf } from "./approval.ts";
import { readBind } from "./bind.ts";
import { inboundText, waMeLink } from "./inbound.ts";
import { statusOf } from "./status.ts";

/** A verification with its latest message, if it has one. */
export type VerificationRow = Pick<
  VerificationTable,
  | "id"
  | "status"
  | "mode"
  | "toMasked"
  | "country"
  | "purpose"
  | "locale"
  | "templateId"
  | "codeLength"
  | "bind"
  | "clientBinding"
  | "hasKnownCode"
  | "sessionId"
  | "expiresAt"
  | "attemptsLeft"
  | "sendsLeft"
  | "nextSendAt"
  | "messageId"
  | "metadata"
  | "test"
  | "lastCheck"
  | "approvedAt"
  | "approvedBy"
  | "tokenMac"
  | "inboundVariant"
  | "receivedAt"
  | "toHash"
  | "globalHash"
  | "prefix"
  | "createdAt"
  | "updatedAt"
> & {
  /** The number of its session. */
  sessionPhone: string | null;
  messageSessionId: string | null;
  messageStatus: MessageTable["status"] | null;
  lockedUntil: number | null;
  /** The number has no account: see `status.ts`. */
  isUnreachable: 0 | 1;
} & Omit<DeliveryColumns, "status" | "expiresAt">;

export function toVerification(row: VerificationRow, viewer: Viewer & { created?: boolean }): Verification {
  const { messageId, messageStatus, messageSessionId } = row;
  return {
    id: row.id,
    status: statusOf(row, viewer),
    created: viewer.created ?? false,
    mode: row.mode,
    to: shownMask(row.toMasked),
    country: row.country,
    purpose: row.purpose,
    locale: row.locale,
    templateId: row.templateId === "" ? null : row.templateId,
    codeLength: row.codeLength,
    bind: readBind(row.bind),
    expiresAt: iso(row.expiresAt),
    attemptsLeft: row.attemptsLeft,
    sendsLeft: row.sendsLeft,
    resendAfter: iso(row.nextSendAt),
    delivery:
      messageId === null || messageStatus === null
        ? null
        : {
            messageId,
            sessionId: messageSessionId === "" ? null : messageSessionId,
            ...toDelivery({ ...row, status: messageStatus }, viewer),
          },
    inbound: null,
    approvedBy: row.approvedBy,
    approvedAt: isoOrNull(row.approvedAt),
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    test: row.test === 1,
    createdAt: iso(row.createdAt),
    updatedAt: iso(row.updatedAt),
  };
}

/** The same with the link and token, while an inbound verification is pending. */
export async function presentVerification(
  { peppers }: Pick<Services, "peppers">,
  row: VerificationRow,
  viewer: Viewer & { created?: boolean },
): Promise<Verification> {
  const shown = toVerification(row, viewer);
  if (row.mode !== "inbound" || shown.status !== "pending") return shown;
  const tokens = await inboundTokens(peppers, row.id);
  const token = tokens.find(({ mac }) => mac === row.tokenMac)?.token;
  const phone = senderOf(row).numberOf(row.sessionPhone);
  return token === undefined || phone === null ? shown : { ...shown, inbound: inboundOf(row, { token, phone }) };
}

function inboundOf(row: VerificationRow, { token, phone }: { token: string; phone: string }): Inbound {
  const { locale, inboundVariant, receivedAt } = row;
  const text = inboundText(locale, token);
  const link = waMeLink(phone, text);
  return {
    variant: variantOf(inboundVariant ?? "match", row),
    link,
    qr: qrSvg(link),
    text,
    receivedAt: isoOrNull(receivedAt),
  };
}
