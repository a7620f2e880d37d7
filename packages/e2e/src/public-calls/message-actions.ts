import type { TestEdge } from "../edge.ts";
import type { Call } from "./call.ts";
import { connectorAnswers } from "./connector-answers.ts";
import type { SentMessages } from "./messages.ts";
import { numbers } from "./sample-values.ts";

const storedPoll = {
  from: null,
  content: { type: "poll", question: "When?", options: ["Morning", "Evening"], maxSelections: 1 },
  quotedMessageId: null,
  reactions: [],
  votes: [],
};

export function messageActionCalls(edge: () => TestEdge, sent: SentMessages): Call[] {
  const ofReply = (rest = "") => ({ path: () => `/v1/messages/${sent.reply}${rest}` });

  return [
    {
      route: "PATCH /v1/messages/{id} (edit)",
      ...ofReply(),
      body: { text: "Hello!" },
      arrange: () =>
        edge().sql("UPDATE message SET status = 'sent', sent_at = ? WHERE id = ?", [String(Date.now()), sent.reply]),
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "PUT /v1/messages/{id}/reaction",
      ...ofReply("/reaction"),
      body: { emoji: "👍" },
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "PUT /v1/messages/{id}/reaction (Idempotency-Key)",
      ...ofReply("/reaction"),
      body: { emoji: "👍" },
      headers: { "idempotency-key": "react" },
      asks: "redis libsql libsql connector | libsql",
      budget: [12, 2000, 10, 6],
    },
    {
      route: "DELETE /v1/messages/{id}/reaction",
      ...ofReply("/reaction"),
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "PUT /v1/messages/{id}/pin",
      ...ofReply("/pin"),
      body: { seconds: 86_400 },
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "DELETE /v1/messages/{id}/pin",
      ...ofReply("/pin"),
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "PUT /v1/messages/{id}/star",
      ...ofReply("/star"),
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "DELETE /v1/messages/{id}/star",
      ...ofReply("/star"),
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "POST /v1/messages/{id}/forward",
      ...ofReply("/forward"),
      body: { to: numbers[3] },
      asks: "redis libsql libsql | qstash",
      budget: [12, 6900, 45, 19],
    },
    {
      route: "POST /v1/messages/{id}/votes",
      ...ofReply("/votes"),
      body: { options: ["Morning"] },
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
    {
      route: "GET /v1/messages/{id}/votes",
      ...ofReply("/votes"),
      arrange: () => {
        connectorAnswers["/rpc/messages/read"].messages = [{ ...storedPoll, id: sent.reply }];
        return edge().sql("UPDATE message SET type = 'poll' WHERE id = ?", [sent.reply]);
      },
      asks: "redis libsql connector",
      budget: [1, 700, 5, 0],
    },
    {
      route: "DELETE /v1/messages/{id}",
      ...ofReply("?for=everyone"),
      asks: "redis libsql connector",
      budget: [6, 1200, 6, 1],
    },
  ];
}
