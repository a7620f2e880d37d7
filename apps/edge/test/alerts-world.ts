import { createHash, createHmac } from "node:crypto";
import {
  deliverPath,
  type AlertChannel,
  type AlertDelivery,
  type CreatedAlertChannel,
  eventsPath,
  type Incident,
} from "@sandi/contracts";
import { expect } from "vitest";
import type { TargetAnswer, TargetCall } from "../src/services.ts";
import { runCron } from "../src/cron.ts";
import { type Edge, queueKeys, startEdge } from "./harness.ts";

export const botToken = "123456789:AAFakeFakeFakeFakeFakeFakeFakeFake-_";
export const slackUrl = "https://hooks.slack.test/services/T000/B000/secretpartofit";
export const webhookUrl = "https://ops.example.com/alerts?token=secretquery";

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** The JWT of a delivery, made as QStash makes it. */
export function queueSignature(
  body: string,
  now: Date,
  claims: Record<string, unknown> = {},
  key: string = queueKeys[0],
) {
  const seconds = Math.floor(now.getTime() / 1000);
  const hash = createHash("sha256").update(body).digest("base64url");
  const whole = {
    iss: "Upstash",
    sub: `https://api.test${deliverPath}`,
    exp: seconds + 300,
    nbf: seconds,
    body: hash,
    ...claims,
  };
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(whole)}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

/** An edge with fakes of Telegram, Slack and a webhook, and a QStash that delivers when the test says so. */
export async function startAlerts() {
  const edge: Edge = await startEdge();
  const calls: TargetCall[] = [];
  const answers: (TargetAnswer | Error)[] = [];
  edge.target = (call) => {
    calls.push(call);
    const answer = answers.shift() ?? usualAnswer(call);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  let seq = 0;

  async function event(sessionId: string, what: Record<string, unknown>) {
    seq += 1;
    const id = `evt_${String(seq).padStart(26, "0")}`;
    const at = edge.services.now().toISOString();
    const body = { connectorId: "test", events: [{ id, seq, sessionId, at, ...what }] };
    expect((await edge.internal(eventsPath, body)).status).toBe(200);
    await edge.settled();
    return body;
  }

  async function knock(deliveryId: string, headers?: Record<string, string>) {
    const body = JSON.stringify({ deliveryId });
    const signed = { "upstash-signature": queueSignature(body, edge.services.now()) };
    return edge.api(`POST ${deliverPath}`, body, { key: null, headers: headers ?? signed });
  }

  return {
    edge,
    calls,
    answers,
    event,
    knock,
    state: (sessionId: string, state: string, reason: string | null = null) =>
      event(sessionId, { type: "session.state", state, reason, phone: "+6281200000001", revision: 1 }),
    limits: (sessionId: string, limits: Record<string, unknown>) =>
      event(sessionId, {
        type: "session.limits",
        newChatsLockedUntil: null,
        newChats: null,
        pausedUntil: null,
        ...limits,
      }),
    async cron() {
      await runCron(edge.services);
      await edge.settled();
    },
    /** Delivers what was published, as QStash would; answers the statuses. */
    async deliver(): Promise<number[]> {
      const due = edge.jobs.splice(0).flatMap((job) => (job.kind === "delivery" ? [job.body.deliveryId] : []));
      const statuses: number[] = [];
      for (const id of due) statuses.push((await knock(id)).status);
      await edge.settled();
      return statuses;
    },
    async addChannel(input: Record<string, unknown> = {}, key = edge.workspace.key) {
      const whole = { kind: "slack", name: "On call", url: slackUrl, ...input };
      const { status, body } = await edge.api<CreatedAlertChannel>("POST /v1/alert-channels", whole, { key });
      expect(status).toBe(201);
      return body;
    },
    channel: async (id: string) => (await edge.api<AlertChannel>(`GET /v1/alert-channels/${id}`)).body,
    deliveries: async (id: string) =>
      (await edge.api<{ deliveries: AlertDelivery[] }>(`GET /v1/alert-channels/${id}/deliveries`)).body.deliveries,
    incidents: async (query = "") =>
      (await edge.api<{ incidents: Incident[]; nextCursor: string | null }>(`GET /v1/incidents${query}`)).body,
    /** The first lines of the texts that Slack received since the last call. */
    told: () => calls.splice(0).map(({ body }) => (JSON.parse(body) as { text: string }).text.split("\n")[0]),
  };
}

export type Alerts = Awaited<ReturnType<typeof startAlerts>>;

/** Of each API as its documentation has it. */
export const slackRefusals = {
  invalid_payload: { status: 400, retryAfter: null, text: "invalid_payload" },
  channel_is_archived: { status: 410, retryAfter: null, text: "channel_is_archived" },
  no_service: { status: 404, retryAfter: null, text: "no_service" },
} as const;

export const telegramRefusals = {
  tooMany: {
    status: 429,
    retryAfter: null,
    text: '{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}',
  },
  upgraded: {
    status: 400,
    retryAfter: null,
    text: '{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567890}}',
  },
  blocked: {
    status: 403,
    retryAfter: null,
    text: '{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}',
  },
} as const;

function usualAnswer({ url, body }: TargetCall): TargetAnswer {
  const parsed = JSON.parse(body) as Record<string, unknown>;
  if (url.startsWith("https://telegram.test/")) {
    const isGood = url === `https://telegram.test/bot${botToken}/sendMessage` && parsed["chat_id"] === "-1001234567890";
    return isGood
      ? { status: 200, retryAfter: null, text: '{"ok":true,"result":{"message_id":1}}' }
      : { status: 404, retryAfter: null, text: '{"ok":false,"error_code":404,"description":"Not Found"}' };
  }
  if (url === slackUrl) {
    return typeof parsed["text"] === "string"
      ? { status: 200, retryAfter: null, text: "ok" }
      : slackRefusals.invalid_payload;
  }
  return { status: 204, retryAfter: null, text: "" };
}
