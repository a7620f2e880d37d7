import type { Inbound, Scope, Verification } from "@sandi/contracts";
import { inboundTokens } from "@sandi/crypto";
import type { MessageTable, VerificationTable } from "../db/schema.ts";
import { type DeliveryColumns, isHidden, iso, isoOrNull, toDelivery } from "../messages/present.ts";
import type { Services } from "../services.ts";
import { qrSvg } from "../sessions/qr.ts";
import { readBind } from "./bind.ts";
import { inboundText, waMeLink } from "./inbound.ts";

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
} & Omit<DeliveryColumns, "status" | "expiresAt">;

/** Expiry is a matter of the clock; the sweep only writes it down. */
export const statusOf = ({ status, expiresAt }: Pick<VerificationRow, "status" | "expiresAt">, now: number) =>
  status === "pending" && expiresAt <= now ? ("expired" as const) : status;

interface Viewer {
  now: number;
  scopes: ReadonlySet<Scope>;
}

/**
 * Who has a WhatsApp account is told to keys with `lookup:read` only. A verification whose number has none stays
 * pending, so that to other keys nothing about it, not even a check, is different.
 */
function shownStatus(row: VerificationRow, { now, scopes }: Viewer) {
  const status = statusOf(row, now);
  const isUnreachable = row.messageStatus === "failed" && row.failure === "not_on_whatsapp";
  return status === "pending" && isUnreachable && !isHidden(row, scopes) ? ("undeliverable" as const) : status;
}

export function toVerification(row: VerificationRow, viewer: Viewer & { created?: boolean }): Verification {
  const { messageId, messageStatus, messageSessionId } = row;
  return {
    id: row.id,
    status: shownStatus(row, viewer),
    created: viewer.created ?? false,
    mode: row.mode,
    to: row.toMasked,
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

/** The same with what the user needs to write to us, while that is waited for. */
export async function presentVerification(
  { peppers }: Pick<Services, "peppers">,
  row: VerificationRow,
  viewer: Viewer & { created?: boolean },
): Promise<Verification> {
  const shown = toVerification(row, viewer);
  if (row.mode !== "inbound" || shown.status !== "pending") return shown;
  const tokens = await inboundTokens(peppers, row.id);
  const token = tokens.find(({ mac }) => mac === row.tokenMac)?.token;
  // The sandbox has no session: its link leads nowhere.
  const phone = row.test === 1 ? "+99900000000" : row.sessionPhone;
  return token === undefined || phone === null ? shown : { ...shown, inbound: inboundOf(row, { token, phone }) };
}

function inboundOf(
  { locale, inboundVariant, receivedAt }: VerificationRow,
  { token, phone }: { token: string; phone: string },
): Inbound {
  const text = inboundText(locale, token);
  const link = waMeLink(phone, text);
  return { variant: inboundVariant ?? "match", link, qr: qrSvg(link), text, receivedAt: isoOrNull(receivedAt) };
}
