import type { BinaryNode } from "@whiskeysockets/baileys";
import type { Services } from "../services.ts";
import type { WireMessage } from "./wire.ts";

export type StanzaNode = BinaryNode;

const decisionBytes = 20;

/** The nodes that a stanza needs beside the encrypted message; Baileys adds them in its own `sendMessage` only. */
export function stanzaNodes(message: WireMessage, { now, random }: Pick<Services, "now" | "random">): BinaryNode[] {
  if (message.pollCreationMessage || message.pollCreationMessageV3) return [meta({ polltype: "creation" })];
  if (message.eventMessage) return [meta({ event_type: "creation" })];
  if (!message.interactiveMessage) return [];
  // Without this node the server accepts buttons, and no client shows them.
  const flow = node("interactive", { type: "native_flow", v: "1" }, [node("native_flow", { v: "9", name: "mixed" })]);
  const decision = Buffer.from(random(decisionBytes)).toString("hex");
  const attrs = { actual_actors: "2", host_storage: "2", privacy_mode_ts: String(Math.floor(now().getTime() / 1000)) };
  return [node("biz", attrs, [flow, node("quality_control", { decision_id: decision })])];
}

const meta = (attrs: BinaryNode["attrs"]) => node("meta", attrs);

const node = (tag: string, attrs: BinaryNode["attrs"], content?: BinaryNode[]): BinaryNode =>
  content ? { tag, attrs, content } : { tag, attrs };
