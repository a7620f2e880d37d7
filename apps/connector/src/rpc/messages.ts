import { MessageReceiptsRpc, ReadMessagesRpc } from "@sandi/contracts";
import { readMessages } from "../inbound/read-messages.ts";
import { readReceipts } from "../inbound/read-receipts.ts";
import { handle, type HandledRpc } from "./handle.ts";

/** The calls about stored messages. WhatsApp is not asked. */
export const messageCalls = (
  parts: Parameters<typeof readMessages>[0] & Parameters<typeof readReceipts>[0],
): HandledRpc[] => [
  handle(ReadMessagesRpc, async ({ input: { sessionId, messageIds } }) => ({
    messages: await readMessages(parts, sessionId, messageIds),
  })),
  handle(MessageReceiptsRpc, ({ input }) => readReceipts(parts, input)),
];
