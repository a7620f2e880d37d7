import type { StoredMessage } from "@sandi/contracts";
import { expect } from "vitest";
import { until } from "./fake-edge.ts";
import type { Rig } from "./rig.ts";

/** What was said of messages to the edge and can be read of them, in one session. */
export function conversationsOf(of: () => { rig: Rig; sessionId: string }) {
  /** The messages that were reported, in their order. */
  const messages = () =>
    of().rig.edge.events.flatMap((event) =>
      event.type === "message.received" && event.message ? [event.message] : [],
    );
  return {
    messages,
    /** Writes, and waits until the message is at the edge. */
    written: async (from: string, message: Parameters<Rig["simulator"]["send"]>[1]) => {
      const before = messages().length;
      const { id } = await of().rig.simulator.send(from, message);
      return { waId: id, ...(await until("it is reported", () => messages()[before])) };
    },
    read: async (...messageIds: string[]): Promise<StoredMessage[]> => {
      const { rig, sessionId } = of();
      const response = await rig.edge.rpc("/rpc/messages/read", { sessionId, messageIds });
      expect(response.status).toBe(200);
      return ((await response.json()) as { messages: StoredMessage[] }).messages;
    },
  };
}
