import {
  type ApiKey,
  type Batch,
  type CreatedApiKey,
  type CreatedSupabaseHook,
  EditMessageRpc,
  FetchMediaRpc,
  type Erasure,
  GetGroupRpc,
  GetPersonRpc,
  Group,
  ListChatsRpc,
  type ListedMessage,
  ListMessagesRpc,
  type Media,
  type Message,
  PinRpc,
  MessageMedia,
  MessageReceiptsRpc,
  type QrPageLink,
  ReactRpc,
  RevokeMessageRpc,
  type Session,
  type Verification,
  type VerificationResult,
  StarRpc,
  VoteRpc,
} from "@sandi/contracts";
import { signWebhook } from "@sandi/crypto";
import type { TestEdge } from "./edge.ts";

export const operatorToken = "a-token-of-the-operator-for-the-tests";

const supabasePost = {
  user: { id: "6481a5c1-3d37-4a56-9f6a-bee08c554965", phone: "" },
  sms: { otp: "480213", sms_type: "mfa", phone: "6281355500006" },
  metadata: { ip_address: "203.0.113.7" },
};

async function signed(secret: string, body: string): Promise<Record<string, string>> {
  const [id, timestamp] = ["msg_1", Math.floor(Date.now() / 1000)];
  const signature = await signWebhook({ secrets: [secret], id, timestamp, body });
  return { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signature };
}

/** At most so many statements, bytes of SQL, rows read and rows written, those after the answer included. */
export type Budget = readonly [statements: number, sqlBytes: number, rowsRead: number, rowsWritten: number];

/** A request and its subrequests: first those that the answer waits for, then after `|` the others. */
export interface Call {
  /** As in openapi.json. Several calls of one route differ by the words in brackets. */
  route: string;
  path?: () => string;
  body?: object | (() => object);
  headers?: Record<string, string> | (() => Promise<Record<string, string>>);
  asks: string;
  /** What it may cost at the database, in numbers of `Budget`. Absent where it asks no database. */
  budget?: Budget;
  arrange?: () => Promise<unknown>;
  /** Stores what later calls need from the answer. */
  keep?: (body: never) => void;
}

const soon = new Date(Date.now() + 3_600_000).toISOString();
const later = new Date(Date.now() + 7_200_000).toISOString();

const listed: ListedMessage = {
  id: "msg_01jd3k9v7hq2w8x5n4b6m0c1ta",
  chatId: "cht_01jd3k9v7hq2w8x5n4b6m0c1ta",
  direction: "inbound",
  origin: null,
  type: "text",
  from: null,
  content: { type: "text", text: "Where is my order?" },
  quotedMessageId: null,
  reactions: [],
  votes: [],
  isStarred: false,
  isPinned: false,
  isForwarded: false,
  isRevoked: false,
  at: soon,
};

/** Actions on messages are done. */
const done = Object.fromEntries(
  [EditMessageRpc, RevokeMessageRpc, ReactRpc, PinRpc, VoteRpc, StarRpc].map(({ path }) => [path, { at: soon }]),
);

/** The connector's answers. */
export const connectorAnswers = {
  ...done,
  "/rpc/messages/read": { messages: [] as object[] },
  "/rpc/sessions/qr": { state: "pairing", qr: { qr: "2@abc", expiresAt: soon } },
  "/rpc/sessions/health": { heardAt: soon, roundTripMs: 12, sending: 0, outbox: 0 },
  "/rpc/sessions/pairing-code": { code: "K7QX2M9P", expiresAt: soon },
  [FetchMediaRpc.path]: {
    media: { ...(MessageMedia.meta()?.["example"] as object), mediaId: null, mediaState: "unavailable" },
  },
  [GetGroupRpc.path]: Group.meta()?.["example"],
  [ListMessagesRpc.path]: { messages: [listed], nextCursor: null, isComplete: true },
  [ListChatsRpc.path]: { chats: [], nextCursor: null },
  [GetPersonRpc.path]: { id: "per_01jd3k9v7hq2w8x5n4b6m0c1ta", phone: null, lid: null, username: null, name: null },
  [MessageReceiptsRpc.path]: { receipts: [], person: null },
  "/rpc/numbers/reachable": { results: [{ number: "+6281355500001", isOnWhatsApp: true }] },
};

const storedPoll = {
  from: null,
  content: { type: "poll", question: "When?", options: ["Morning", "Evening"], maxSelections: 1 },
  quotedMessageId: null,
  reactions: [],
  votes: [],
};

/** At least one call of every public route. The order counts: later calls use what earlier ones made. */
export function publicCalls(edge: () => TestEdge): Call[] {
  let ver = "";
  let sent = "";
  let message = "";
  let scheduled = "";
  let acted = "";
  let file = "";
  let batch = "";
  let session = "";
  let pool = "";
  let template = "";
  let key = "";
  let rule = "";
  let channel = "";
  let qrPage = "";
  let erasure = "";
  let hook = { id: "", path: "", secret: "" };
  const made: string[] = [];

  const code = "739154";
  const numbers = ["+6281355500001", "+6281355500002", "+6281355500003", "+6281355500004", "+6281355500005"] as const;
  const text = "{{company}}\n\n{{code}}\n\n{{minutes}} min";
  const keepVer = ({ id }: Verification) => (ver = id);
  const people = numbers.slice(0, 2).map((to) => ({ to, variables: { name: "Budi" } }));
  const ofBatch = (rest = "") => ({ path: () => `/v1/batches/${batch}${rest}` });
  const ofActed = (rest: string) => ({ path: () => `/v1/messages/${acted}${rest}` });
  const ofVer = (rest = "") => ({ path: () => `/v1/verifications/${ver}${rest}` });

  return [
    {
      route: "POST /v1/verifications",
      body: { to: numbers[0], code },
      asks: "redis libsql | qstash",
      budget: [14, 12_900, 83, 38],
      keep: keepVer,
    },
    {
      route: "POST /v1/verifications (Idempotency-Key)",
      body: { to: numbers[1], code },
      headers: { "idempotency-key": "one" },
      asks: "redis libsql | libsql qstash",
      budget: [17, 13_700, 89, 43],
      keep: ({ id, delivery }: Verification) => ([sent, message] = [id, delivery?.messageId ?? ""]),
    },
    {
      route: "POST /v1/verifications/batch",
      body: { verifications: [2, 3, 4].map((i) => ({ to: numbers[i], code })) },
      asks: "redis libsql | qstash qstash qstash",
      budget: [34, 26_000, 245, 108],
      keep: ({ results }: { results: VerificationResult[] }) => {
        made.push(...results.map(({ verification }) => verification?.id ?? ""));
      },
    },
    { route: "GET /v1/verifications", asks: "redis libsql", budget: [5, 1900, 50, 0] },
    {
      route: "POST /v1/verifications/search",
      body: { to: numbers[0] },
      asks: "redis libsql",
      budget: [4, 1500, 11, 0],
    },
    { route: "GET /v1/verifications/{id}", ...ofVer(), asks: "redis libsql", budget: [1, 1400, 11, 0] },
    {
      route: "GET /v1/verifications/{id}/events",
      ...ofVer("/events"),
      asks: "redis libsql libsql",
      budget: [2, 1600, 19, 0],
    },
    {
      route: "POST /v1/verifications/{id}/resend",
      ...ofVer("/resend"),
      arrange: () => edge().sql("UPDATE verification SET next_send_at = 1"),
      asks: "redis libsql libsql | qstash",
      budget: [14, 12_200, 79, 40],
    },
    {
      route: "POST /v1/verifications/check",
      body: { to: numbers[0], code },
      asks: "redis libsql libsql",
      budget: [9, 5500, 44, 19],
    },
    {
      route: "POST /v1/verifications/{id}/check",
      path: () => `/v1/verifications/${sent}/check`,
      body: { code },
      asks: "redis libsql",
      budget: [8, 5300, 38, 19],
    },
    {
      route: "POST /v1/verifications/{id}/check (Idempotency-Key)",
      path: () => `/v1/verifications/${made[2]}/check`,
      body: { code },
      headers: { "idempotency-key": "two" },
      asks: "redis libsql libsql | libsql",
      budget: [14, 6200, 40, 26],
    },
    {
      route: "POST /v1/verifications/{id}/cancel",
      path: () => `/v1/verifications/${made[0]}/cancel`,
      arrange: () => edge().sql("UPDATE message SET status = 'sent' WHERE verification_id = ?", [made[0] ?? ""]),
      asks: "redis libsql | qstash",
      budget: [11, 4400, 50, 13],
    },
    {
      route: "POST /v1/verifications/{id}/approve",
      path: () => `/v1/verifications/${made[1]}/approve`,
      body: { reason: "known to us" },
      asks: "redis libsql",
      budget: [10, 3800, 46, 23],
    },
    {
      route: "POST /v1/verifications (inbound)",
      body: { to: numbers[4], mode: "inbound" },
      asks: "redis libsql",
      budget: [14, 12_800, 77, 20],
    },
    {
      route: "POST /v1/messages",
      body: () => ({ sessionId: edge().sessionId, to: numbers[0], type: "text", text: "Hello" }),
      asks: "redis libsql | qstash",
      budget: [11, 5800, 53, 20],
      keep: ({ id }: Message) => (message = id),
    },
    {
      route: "POST /v1/messages (reply)",
      body: () => ({ to: numbers[0], type: "text", text: "Hello", quotedMessageId: message }),
      asks: "redis libsql libsql | qstash",
      budget: [12, 6800, 61, 24],
      keep: ({ id }: Message) => (acted = id),
    },
    {
      route: "GET /v1/messages/{id}",
      path: () => `/v1/messages/${message}`,
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
      path: () => `/v1/messages/${message}/receipts`,
      arrange: () => edge().sql("UPDATE message SET sent_at = 1 WHERE id = ?", [message]),
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
      route: "PATCH /v1/messages/{id} (edit)",
      path: () => `/v1/messages/${acted}`,
      body: { text: "Hello!" },
      arrange: () =>
        edge().sql("UPDATE message SET status = 'sent', sent_at = ? WHERE id = ?", [String(Date.now()), acted]),
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "PUT /v1/messages/{id}/reaction",
      ...ofActed("/reaction"),
      body: { emoji: "👍" },
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "PUT /v1/messages/{id}/reaction (Idempotency-Key)",
      ...ofActed("/reaction"),
      body: { emoji: "👍" },
      headers: { "idempotency-key": "react" },
      asks: "redis libsql libsql connector | libsql",
      budget: [12, 2000, 10, 6],
    },
    {
      route: "DELETE /v1/messages/{id}/reaction",
      ...ofActed("/reaction"),
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "PUT /v1/messages/{id}/pin",
      ...ofActed("/pin"),
      body: { seconds: 86_400 },
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "DELETE /v1/messages/{id}/pin",
      ...ofActed("/pin"),
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "PUT /v1/messages/{id}/star",
      ...ofActed("/star"),
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "DELETE /v1/messages/{id}/star",
      ...ofActed("/star"),
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "POST /v1/messages/{id}/forward",
      ...ofActed("/forward"),
      body: { to: numbers[3] },
      asks: "redis libsql libsql | qstash",
      budget: [12, 6900, 45, 19],
    },
    {
      route: "POST /v1/messages/{id}/votes",
      ...ofActed("/votes"),
      body: { options: ["Morning"] },
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "GET /v1/messages/{id}/votes",
      ...ofActed("/votes"),
      arrange: () => {
        connectorAnswers["/rpc/messages/read"].messages = [{ ...storedPoll, id: acted }];
        return edge().sql("UPDATE message SET type = 'poll' WHERE id = ?", [acted]);
      },
      asks: "redis libsql connector",
      budget: [1, 700, 5, 0],
    },
    {
      route: "DELETE /v1/messages/{id}",
      ...ofActed("?for=everyone"),
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "POST /v1/messages/{id}/retry",
      path: () => `/v1/messages/${message}/retry`,
      arrange: () =>
        edge().sql("UPDATE message SET status = 'failed', failure = 'new_chats_locked' WHERE id = ?", [message]),
      asks: "redis libsql libsql | qstash",
      budget: [12, 8000, 58, 18],
    },
    {
      route: "POST /v1/messages/{id}/media",
      path: () => `/v1/messages/${message}/media`,
      arrange: () => edge().sql("UPDATE message SET direction = 'inbound' WHERE id = ?", [message]),
      asks: "redis libsql libsql connector",
      budget: [7, 1700, 20, 2],
    },
    {
      route: "PATCH /v1/sessions/{id} (settings)",
      path: () => `/v1/sessions/${edge().sessionId}`,
      body: { settings: { mediaDownload: "onDemand" } },
      asks: "redis libsql | qstash",
      budget: [9, 3300, 30, 16],
    },
    {
      route: "POST /v1/media",
      body: { any: "file" },
      asks: "redis libsql libsql",
      budget: [10, 1500, 17, 14],
      keep: ({ id }: Media) => (file = id),
    },
    { route: "GET /v1/media/{id}", path: () => `/v1/media/${file}`, asks: "redis libsql", budget: [1, 300, 7, 0] },
    {
      route: "GET /v1/media/{id}/content",
      path: () => `/v1/media/${file}/content`,
      asks: "redis libsql",
      budget: [1, 300, 7, 0],
    },
    {
      route: "DELETE /v1/media/{id}",
      path: () => `/v1/media/${file}`,
      asks: "redis libsql | libsql",
      budget: [7, 700, 11, 10],
    },
    {
      route: "POST /v1/batches",
      body: () => ({
        name: "Spring offers",
        sessionId: edge().sessionId,
        message: { type: "text", text: "Hi {{name}}" },
        recipients: people,
      }),
      asks: "redis libsql | libsql qstash",
      budget: [13, 6800, 40, 18],
      keep: ({ id }: Batch) => (batch = id),
    },
    {
      route: "POST /v1/batches (dryRun)",
      body: { message: { type: "text", text: "Hi {{name}}" }, recipients: people, dryRun: true },
      asks: "redis libsql libsql",
      budget: [6, 4000, 60, 0],
    },
    { route: "GET /v1/batches", asks: "redis libsql", budget: [1, 250, 10, 0] },
    { route: "GET /v1/batches/{id}", ...ofBatch(), asks: "redis libsql", budget: [1, 700, 15, 0] },
    {
      route: "GET /v1/batches/{id}/messages",
      ...ofBatch("/messages"),
      asks: "redis libsql libsql",
      budget: [2, 1000, 10, 0],
    },
    {
      route: "GET /v1/batches/{id}/report",
      ...ofBatch("/report"),
      asks: "redis libsql libsql",
      budget: [2, 450, 10, 0],
    },
    {
      route: "POST /v1/batches/{id}/pause",
      ...ofBatch("/pause"),
      asks: "redis libsql libsql libsql libsql libsql libsql",
      budget: [15, 2600, 40, 12],
    },
    {
      route: "POST /v1/batches/{id}/resume",
      ...ofBatch("/resume"),
      asks: "redis libsql libsql libsql | libsql qstash",
      budget: [11, 2400, 30, 8],
    },
    {
      route: "POST /v1/batches/{id}/cancel",
      ...ofBatch("/cancel"),
      asks: "redis libsql libsql libsql libsql libsql libsql",
      budget: [17, 3000, 50, 12],
    },
    {
      route: "POST /v1/reachability",
      body: { numbers: [numbers[0]] },
      asks: "redis libsql connector",
      budget: [1, 1700, 13, 0],
    },
    {
      route: "POST /v1/sessions",
      body: { name: "Second" },
      asks: "redis libsql | qstash",
      budget: [10, 3400, 26, 20],
      keep: ({ id }: Session) => (session = id),
    },
    { route: "GET /v1/sessions", asks: "redis libsql", budget: [1, 1600, 8, 0] },
    {
      route: "GET /v1/sessions/{id}",
      path: () => `/v1/sessions/${session}`,
      asks: "redis libsql",
      budget: [1, 1600, 7, 0],
    },
    {
      route: "PATCH /v1/sessions/{id}",
      path: () => `/v1/sessions/${session}`,
      body: { name: "Third" },
      asks: "redis libsql",
      budget: [8, 2600, 16, 8],
    },
    {
      route: "GET /v1/sessions/{id}/health",
      path: () => `/v1/sessions/${session}/health`,
      asks: "redis libsql libsql connector",
      budget: [2, 3500, 8, 0],
    },
    {
      route: "GET /v1/sessions/{id}/groups/{groupId}",
      path: () => `/v1/sessions/${session}/groups/120363025246125486@g.us`,
      asks: "redis libsql connector",
      budget: [1, 1600, 7, 0],
    },
    {
      route: "GET /v1/sessions/{id}/messages",
      path: () => `/v1/sessions/${session}/messages?q=order`,
      asks: "redis libsql connector libsql",
      budget: [2, 2600, 9, 0],
    },
    {
      route: "POST /v1/sessions/{id}/messages/search",
      path: () => `/v1/sessions/${session}/messages/search`,
      body: { q: "0812 3456 7890" },
      asks: "redis libsql connector libsql",
      budget: [2, 2600, 9, 0],
    },
    {
      route: "GET /v1/sessions/{id}/chats",
      path: () => `/v1/sessions/${session}/chats`,
      asks: "redis libsql connector",
      budget: [1, 1600, 7, 0],
    },
    {
      route: "GET /v1/sessions/{id}/people/{person}",
      path: () => `/v1/sessions/${session}/people/100000@lid`,
      asks: "redis libsql connector",
      budget: [1, 1600, 7, 0],
    },
    {
      route: "GET /v1/sessions/{id}/events",
      path: () => `/v1/sessions/${session}/events`,
      asks: "redis libsql libsql",
      budget: [2, 1800, 10, 0],
    },
    {
      route: "PUT /v1/sessions/{id}/proxy",
      path: () => `/v1/sessions/${session}/proxy`,
      body: { url: "socks5://user:password@proxy.example.com" },
      asks: "redis libsql libsql | qstash",
      budget: [11, 3200, 25, 16],
    },
    {
      route: "DELETE /v1/sessions/{id}/proxy",
      path: () => `/v1/sessions/${session}/proxy`,
      asks: "redis libsql libsql | qstash",
      budget: [12, 3500, 29, 16],
    },
    {
      route: "POST /v1/sessions/{id}/stop",
      path: () => `/v1/sessions/${session}/stop`,
      asks: "redis libsql | qstash",
      budget: [14, 12_900, 49, 11],
    },
    {
      route: "POST /v1/sessions/{id}/start",
      path: () => `/v1/sessions/${session}/start`,
      asks: "redis libsql | qstash",
      budget: [13, 12_600, 43, 11],
    },
    {
      route: "GET /v1/sessions/{id}/qr",
      path: () => `/v1/sessions/${session}/qr`,
      arrange: () => edge().sql("UPDATE session SET state = 'pairing' WHERE id = ?", [session]),
      asks: "redis libsql connector",
      budget: [6, 2100, 8, 4],
    },
    {
      route: "POST /v1/sessions/{id}/pairing-code",
      path: () => `/v1/sessions/${session}/pairing-code`,
      body: { phone: "+6281200000002" },
      asks: "redis libsql connector",
      budget: [8, 4100, 28, 11],
    },
    {
      route: "POST /v1/sessions/{id}/qr-page",
      path: () => `/v1/sessions/${session}/qr-page`,
      asks: "redis libsql",
      budget: [6, 2100, 8, 4],
      keep: ({ url }: QrPageLink) => (qrPage = url.slice(edge().url.length)),
    },
    { route: "GET /v1/sessions/{id}/qr-page", path: () => qrPage, asks: "libsql connector", budget: [1, 800, 31, 0] },
    {
      route: "POST /v1/sessions/{id}/restart",
      path: () => `/v1/sessions/${session}/restart`,
      asks: "redis libsql | qstash",
      budget: [13, 12_600, 41, 11],
    },
    {
      route: "POST /v1/sessions/{id}/logout",
      path: () => `/v1/sessions/${session}/logout`,
      asks: "redis libsql | qstash",
      budget: [16, 13_800, 53, 11],
    },
    {
      route: "POST /v1/pools",
      body: { name: "Second" },
      asks: "redis libsql",
      budget: [10, 1500, 20, 11],
      keep: ({ id }: { id: string }) => (pool = id),
    },
    { route: "GET /v1/pools", asks: "redis libsql", budget: [1, 100, 11, 0] },
    { route: "GET /v1/pools/{id}", path: () => `/v1/pools/${pool}`, asks: "redis libsql", budget: [1, 100, 7, 0] },
    {
      route: "PATCH /v1/pools/{id}",
      path: () => `/v1/pools/${pool}`,
      body: { pacing: "fast" },
      asks: "redis libsql libsql",
      budget: [9, 1200, 17, 8],
    },
    {
      route: "DELETE /v1/pools/{id}",
      path: () => `/v1/pools/${pool}`,
      asks: "redis libsql libsql",
      budget: [9, 1200, 17, 8],
    },
    {
      route: "DELETE /v1/sessions/{id}",
      path: () => `/v1/sessions/${session}`,
      asks: "redis libsql | qstash",
      budget: [16, 13_800, 53, 11],
    },
    { route: "GET /v1/analytics/summary", asks: "redis libsql", budget: [1, 800, 34, 0] },
    { route: "GET /v1/analytics/timeseries", asks: "redis libsql", budget: [5, 900, 34, 0] },
    {
      route: "POST /v1/access-rules",
      body: { effect: "allow", kind: "number", value: numbers[0], expiresAt: soon },
      asks: "redis libsql",
      budget: [11, 1700, 19, 12],
      keep: ({ id }: { id: string }) => (rule = id),
    },
    { route: "GET /v1/access-rules", asks: "redis libsql", budget: [1, 200, 8, 0] },
    {
      route: "GET /v1/access-rules/{id}",
      path: () => `/v1/access-rules/${rule}`,
      asks: "redis libsql",
      budget: [1, 200, 7, 0],
    },
    {
      route: "DELETE /v1/access-rules/{id}",
      path: () => `/v1/access-rules/${rule}`,
      asks: "redis libsql libsql",
      budget: [9, 1100, 17, 8],
    },
    { route: "POST /v1/destinations/status", body: { to: numbers[0] }, asks: "redis libsql", budget: [5, 300, 7, 0] },
    {
      route: "POST /v1/destinations/unlock",
      body: { to: numbers[0] },
      asks: "redis libsql libsql",
      budget: [12, 1300, 8, 4],
    },
    { route: "GET /v1/prefix-guard", asks: "redis libsql", budget: [1, 100, 5, 0] },
    {
      route: "DELETE /v1/prefix-guard/{prefix}",
      path: () => "/v1/prefix-guard/6281355",
      arrange: () =>
        edge().sql("INSERT INTO prefix_guard VALUES (?, '6281355', ?, 1, 20, 0, 1)", [
          edge().workspaceId,
          Date.now() + 60_000,
        ]),
      asks: "redis libsql",
      budget: [8, 1100, 16, 8],
    },
    { route: "GET /v1/audit", asks: "redis libsql", budget: [5, 500, 86, 0] },
    {
      route: "POST /v1/alert-channels",
      body: { kind: "telegram", name: "On call", botToken: `1234567:${"x".repeat(35)}`, chatId: "-1001234567890" },
      asks: "redis libsql",
      budget: [9, 1500, 17, 12],
      keep: ({ id }: { id: string }) => (channel = id),
    },
    { route: "GET /v1/alert-channels", asks: "redis libsql", budget: [1, 100, 7, 0] },
    {
      route: "GET /v1/alert-channels/{id}",
      path: () => `/v1/alert-channels/${channel}`,
      asks: "redis libsql",
      budget: [1, 100, 7, 0],
    },
    {
      route: "PATCH /v1/alert-channels/{id}",
      path: () => `/v1/alert-channels/${channel}`,
      body: { afterSeconds: 120 },
      asks: "redis libsql libsql",
      budget: [9, 2000, 41, 8],
    },
    {
      route: "POST /v1/alert-channels/{id}/test",
      path: () => `/v1/alert-channels/${channel}/test`,
      asks: "redis libsql telegram libsql",
      budget: [13, 1600, 16, 13],
    },
    {
      route: "GET /v1/alert-channels/{id}/deliveries",
      path: () => `/v1/alert-channels/${channel}/deliveries`,
      asks: "redis libsql",
      budget: [1, 200, 7, 0],
    },
    { route: "GET /v1/incidents", asks: "redis libsql", budget: [1, 400, 8, 0] },
    {
      route: "DELETE /v1/alert-channels/{id}",
      path: () => `/v1/alert-channels/${channel}`,
      asks: "redis libsql",
      budget: [8, 1000, 17, 10],
    },
    {
      route: "POST /v1/hooks/supabase",
      body: { name: "Ours" },
      asks: "redis libsql",
      budget: [9, 2200, 62, 12],
      keep: ({ id, url, secret }: CreatedSupabaseHook) => {
        hook = { id, path: new URL(url).pathname, secret: secret ?? "" };
      },
    },
    { route: "GET /v1/hooks/supabase", asks: "redis libsql", budget: [1, 900, 52, 0] },
    {
      route: "GET /v1/hooks/supabase/{id}",
      path: () => `/v1/hooks/supabase/${hook.id}`,
      asks: "redis libsql",
      budget: [1, 900, 52, 0],
    },
    {
      route: "PATCH /v1/hooks/supabase/{id}",
      path: () => `/v1/hooks/supabase/${hook.id}`,
      body: { name: "Theirs" },
      asks: "redis libsql libsql",
      budget: [9, 2100, 62, 8],
    },
    {
      route: "POST (what Supabase posts to a hook)",
      path: () => hook.path,
      body: supabasePost,
      headers: () => signed(hook.secret, JSON.stringify(supabasePost)),
      asks: "libsql redis libsql | libsql qstash",
      budget: [18, 14_000, 142, 43],
    },
    {
      route: "DELETE /v1/hooks/supabase/{id}",
      path: () => `/v1/hooks/supabase/${hook.id}`,
      asks: "redis libsql",
      budget: [8, 1100, 16, 8],
    },
    {
      route: "POST /v1/templates",
      body: { name: "Plain", texts: { en: text } },
      asks: "redis libsql",
      budget: [10, 1700, 19, 11],
      keep: ({ id }: { id: string }) => (template = id),
    },
    { route: "GET /v1/templates", asks: "redis libsql", budget: [1, 100, 8, 0] },
    { route: "GET /v1/templates/built-in", asks: "redis" },
    { route: "POST /v1/templates/preview", body: { texts: { en: text }, locale: "en" }, asks: "redis" },
    {
      route: "GET /v1/templates/{id}",
      path: () => `/v1/templates/${template}`,
      asks: "redis libsql",
      budget: [1, 100, 7, 0],
    },
    {
      route: "PUT /v1/templates/{id}",
      path: () => `/v1/templates/${template}`,
      body: { name: "Plain", texts: { en: `${text}.` } },
      asks: "redis libsql",
      budget: [9, 1400, 19, 10],
    },
    {
      route: "DELETE /v1/templates/{id}",
      path: () => `/v1/templates/${template}`,
      asks: "redis libsql",
      budget: [8, 1000, 16, 8],
    },
    {
      route: "POST /v1/keys",
      body: { name: "Second", scopes: ["otp:send"] },
      asks: "redis libsql",
      budget: [9, 1500, 22, 12],
      keep: ({ id }: CreatedApiKey) => (key = id),
    },
    { route: "GET /v1/keys", asks: "redis libsql", budget: [1, 100, 10, 0] },
    { route: "GET /v1/keys/{id}", path: () => `/v1/keys/${key}`, asks: "redis libsql", budget: [1, 100, 7, 0] },
    {
      route: "PATCH /v1/keys/{id}",
      path: () => `/v1/keys/${key}`,
      body: { name: "Third" },
      asks: "redis libsql libsql",
      budget: [12, 2800, 25, 8],
    },
    {
      route: "POST /v1/keys/{id}/rotate",
      path: () => `/v1/keys/${key}/rotate`,
      body: {},
      asks: "redis libsql libsql libsql",
      budget: [15, 2600, 40, 14],
      keep: ({ id }: ApiKey) => (key = id),
    },
    {
      route: "DELETE /v1/keys/{id}",
      path: () => `/v1/keys/${key}`,
      asks: "redis libsql libsql",
      budget: [12, 2700, 25, 10],
    },
    {
      route: "DELETE /v1/people/{person}",
      path: () => "/v1/people/6281355500077",
      asks: "redis libsql | libsql qstash",
      budget: [10, 1900, 12, 12],
      keep: ({ id }: Erasure) => (erasure = id),
    },
    {
      route: "GET /v1/erasures/{id}",
      path: () => `/v1/erasures/${erasure}`,
      asks: "redis libsql",
      budget: [1, 200, 3, 0],
    },
    { route: "GET /v1/workspace", asks: "redis libsql", budget: [1, 100, 7, 0] },
    {
      route: "POST /v1/workspaces",
      body: { name: "Other", adminEmail: "ops@example.com", defaultCountry: "ID" },
      headers: { authorization: `Bearer ${operatorToken}` },
      asks: "libsql libsql",
      budget: [12, 1100, 10, 29],
    },
    { route: "GET /.well-known/jwks.json", asks: "" },
    { route: "GET /", asks: "" },
    { route: "GET /health", asks: "" },
    { route: "GET /openapi.json", asks: "" },
    { route: "GET /docs", asks: "" },
    { route: "GET /problems", asks: "" },
    // Last, because it removes the key from the cache. Three reads follow.
    { route: "PATCH /v1/workspace", body: { name: "Acme Ltd" }, asks: "redis libsql libsql", budget: [9, 1100, 17, 8] },
    {
      route: "GET /v1/sessions (after a change of the workspace)",
      path: () => "/v1/sessions",
      asks: "libsql redis libsql",
      budget: [2, 2100, 13, 0],
    },
    {
      route: "GET /v1/sessions (once more)",
      path: () => "/v1/sessions",
      asks: "redis libsql",
      budget: [1, 1600, 8, 0],
    },
  ];
}
