import { signWebhook } from "@sandi/crypto";
import { iso } from "../time.ts";
import type { TargetCall } from "../services.ts";
import type { Message } from "./render.ts";
import type { Target } from "./repository.ts";

interface Composed {
  id: string;
  target: Target;
  message: Message;
  telegramUrl: string;
  now: Date;
}

const json = { "content-type": "application/json", "user-agent": "Sandi-Alerts/1" };

/** The request that brings an alert to its channel. */
export async function compose({ id, target, message, telegramUrl, now }: Composed): Promise<TargetCall> {
  const { type, text, data } = message;
  if (target.kind === "telegram") {
    const body = { chat_id: target.chatId, text, link_preview_options: { is_disabled: true } };
    return { url: `${telegramUrl}/bot${target.botToken}/sendMessage`, headers: json, body: JSON.stringify(body) };
  }
  if (target.kind === "slack") {
    return { url: target.url, headers: json, body: JSON.stringify({ text: escaped(text) }) };
  }
  const body = JSON.stringify({ type, timestamp: iso(now.getTime()), data: { ...data, text } });
  const timestamp = Math.floor(now.getTime() / 1000);
  const { secret, previousSecret, previousUntil = 0 } = target;
  const secrets = previousSecret !== undefined && previousUntil > now.getTime() ? [secret, previousSecret] : [secret];
  const signature = await signWebhook({ secrets, id, timestamp, body });
  const signed = { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signature };
  return { url: target.url, headers: { ...json, ...signed }, body };
}

/** The three characters that Slack wants escaped. */
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
