import {
  EditMessageRpc,
  FetchMediaRpc,
  GetGroupRpc,
  GetPersonRpc,
  Group,
  ListChatsRpc,
  type ListedMessage,
  ListMessagesRpc,
  MessageMedia,
  MessageReceiptsRpc,
  PinRpc,
  ReactRpc,
  RevokeMessageRpc,
  StarRpc,
  VoteRpc,
} from "@sandi/contracts";
import { soon } from "./sample-values.ts";

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
