import type { Message } from "@sandi/contracts";
import type { TestEdge } from "../edge.ts";
import type { Call } from "./call.ts";
import { later, numbers, soon } from "./sample-values.ts";

/** The ids of messages that calls of other areas use. */
export interface SentMessages {
  message: string;
  reply: string;
}

export function messageCalls(edge: () => TestEdge, sent: SentMessages): Call[] {
  let scheduled = "";

  return [
    {
      route: "POST /v1/messages",
      body: () => ({ sessionId: edge().sessionId, to: numbers[0], type: "text", text: "Hello" }),
      asks: "redis libsql | qstash",
      budget: [11, 5800, 53, 20],
      keep: ({ id }: Message) => (sent.message = id),
    },
    {
      route: "POST /v1/messages (reply)",
      body: () => ({ to: numbers[0], type: "text", text: "Hello", quotedMessageId: sent.message }),
      asks: "redis libsql libsql | qstash",
      budget: [12, 6800, 61, 24],
      keep: ({ id }: Message) => (sent.reply = id),
    },
    {
      route: "GET /v1/messages/{id}",
      path: () => `/v1/messages/${sent.message}`,
      asks: "redis libsql",
      budget: [1, 700, 10, 0],
    },
    {
      route: "POST /v1/messages (Prefer)",
      body: () => ({ sessionId: edge().sessionId, to: numbers[0], type: "text", text: "Hello" }),
      headers: { prefer: "wait=1" },
      asks: "redis libsql redis libsql libsql | qstash redis",
      budget: [13, 7800, 60, 20],
    },
    {
      route: "POST /v1/messages (dryRun)",
      body: () => ({ sessionId: edge().sessionId, to: numbers[0], type: "text", text: "Hello", dryRun: true }),
      asks: "redis libsql",
      budget: [5, 3500, 30, 0],
    },
    {
      route: "POST /v1/messages (sendAt)",
      body: () => ({ sessionId: edge().sessionId, to: numbers[0], type: "text", text: "Hello", sendAt: soon }),
      asks: "redis libsql",
      budget: [10, 5100, 45, 18],
      keep: ({ id }: Message) => (scheduled = id),
    },
    {
      route: "POST /v1/messages (group)",
      body: () => ({
        sessionId: edge().sessionId,
        to: "120363025246125486@g.us",
        type: "text",
        text: "Hello",
      }),
      asks: "redis libsql | qstash",
      budget: [12, 6200, 60, 24],
    },
    {
      route: "GET /v1/messages/{id}/receipts",
      path: () => `/v1/messages/${sent.message}/receipts`,
      arrange: () => edge().sql("UPDATE message SET sent_at = 1 WHERE id = ?", [sent.message]),
      asks: "redis libsql connector",
      budget: [1, 700, 10, 0],
    },
    { route: "GET /v1/messages", asks: "redis libsql", budget: [5, 1300, 35, 0] },
    {
      route: "POST /v1/messages/search",
      body: { to: numbers[0] },
      asks: "redis libsql",
      budget: [4, 900, 15, 0],
    },
    {
      route: "GET /v1/messages/{id}/events",
      path: () => `/v1/messages/${scheduled}/events`,
      asks: "redis libsql libsql",
      budget: [2, 900, 13, 0],
    },
    {
      route: "PATCH /v1/messages/{id}",
      path: () => `/v1/messages/${scheduled}`,
      body: { sendAt: later, metadata: { orderId: "A-1" } },
      asks: "redis libsql",
      budget: [8, 1700, 16, 10],
    },
    {
      route: "POST /v1/messages/{id}/cancel",
      path: () => `/v1/messages/${scheduled}/cancel`,
      asks: "redis libsql",
      budget: [9, 1850, 17, 10],
    },
    {
      route: "POST /v1/messages/{id}/retry",
      path: () => `/v1/messages/${sent.message}/retry`,
      arrange: () =>
        edge().sql("UPDATE message SET status = 'failed', failure = 'new_chats_locked' WHERE id = ?", [sent.message]),
      asks: "redis libsql libsql | qstash",
      budget: [12, 8000, 58, 18],
    },
  ];
}
