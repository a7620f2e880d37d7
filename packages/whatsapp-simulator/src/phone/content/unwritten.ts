import type { Content, Summary } from "./kind.ts";

/** Content of a kind that nobody writes on a phone; undefined for content that no chat shows: keys and peer requests. */
export function readUnwritten(content: Content): (Summary & { kind: "interactive" | "other" }) | undefined {
  if (content.interactiveMessage ?? content.listMessage ?? content.buttonsMessage) {
    return { kind: "interactive", text: "" };
  }
  if (content.protocolMessage || content.senderKeyDistributionMessage) return undefined;
  return Object.keys(content).some((name) => name !== "messageContextInfo") ? { kind: "other", text: "" } : undefined;
}
