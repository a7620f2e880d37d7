import { signWebhook } from "@sandi/crypto";
import { iso, isoOrNull } from "../messages/present.ts";
import type { TargetCall } from "../services.ts";
import { masked } from "../phone.ts";
import { detailOf, subjectOf } from "./incidents.ts";
import { type Alert, linkTo, textOf } from "./render.ts";
import type { Target } from "./repository.ts";

interface Composed {
  id: string;
  incidentId: string | null;
  target: Target;
  alert: Alert;
  telegramUrl: string;
  now: Date;
}

const json = { "content-type": "application/json", "user-agent": "Sandi-Alerts/1" };

/** The request that brings an alert to its channel. */
export async function compose({ id, incidentId, target, alert, telegramUrl, now }: Composed): Promise<TargetCall> {
  const text = textOf(alert);
  if (target.kind === "telegram") {
    const body = { chat_id: target.chatId, text, link_preview_options: { is_disabled: true } };
    return { url: `${telegramUrl}/bot${target.botToken}/sendMessage`, headers: json, body: JSON.stringify(body) };
  }
  if (target.kind === "slack") {
    return { url: target.url, headers: json, body: JSON.stringify({ text: escaped(text) }) };
  }
  const body = JSON.stringify(payloadOf({ incidentId, alert, text, now }));
  const timestamp = Math.floor(now.getTime() / 1000);
  const { secret, previousSecret, previousUntil = 0 } = target;
  const secrets = previousSecret !== undefined && previousUntil > now.getTime() ? [secret, previousSecret] : [secret];
  const signature = await signWebhook({ secrets, id, timestamp, body });
  const signed = { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signature };
  return { url: target.url, headers: { ...json, ...signed }, body };
}

/** The three characters that Slack wants escaped. */
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function payloadOf({
  incidentId,
  alert,
  text,
  now,
}: Pick<Composed, "incidentId" | "alert" | "now"> & { text: string }) {
  const { what, told, name, phone, publicUrl } = alert;
  const timestamp = iso(now.getTime());
  if (!told) return { type: "alert.test", timestamp, data: { text } };
  const { kind, reason, subject, openedAt, since, closedAt, times } = told;
  return {
    type: `incident.${what === "again" ? "reopened" : what}`,
    timestamp,
    data: {
      incident: {
        id: incidentId,
        kind,
        reason,
        detail: detailOf(told),
        ...subjectOf(subject),
        name,
        number: phone && masked(phone),
        openedAt: iso(openedAt),
        since: iso(since),
        closedAt: isoOrNull(closedAt),
        times,
      },
      text,
      link: linkTo(publicUrl, subject),
    },
  };
}
