import { signWebhook } from "@sandi/crypto";
import { iso } from "../../time.ts";
import { jsonHeaders, type Provider } from "../provider.ts";
import { type SigningSecrets, validSecrets } from "../secrets.ts";

/** An address of the customer's own. Requests are signed as Standard Webhooks describes. */
export interface WebhookTarget extends SigningSecrets {
  kind: "webhook";
  url: string;
  /** Headers of the customer's own, by their names in small letters. They may hold secrets. */
  headers?: Record<string, string>;
}

export const webhook: Provider<WebhookTarget> = {
  async request(target, { id, message: { type, data, body: whole }, isReplay, now }) {
    const body = JSON.stringify(whole ?? { type, timestamp: iso(now.getTime()), data });
    const timestamp = Math.floor(now.getTime() / 1000);
    const signature = await signWebhook({ secrets: validSecrets(target, now.getTime()), id, timestamp, body });
    const signed = { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signature };
    return {
      url: target.url,
      headers: { ...target.headers, ...jsonHeaders, ...signed, ...(isReplay ? { "webhook-replay": "true" } : {}) },
      body,
    };
  },
  labelOf: ({ url }) => `${new URL(url).origin}/…`,
  addressOf: ({ url }) => url,
};
