import { type BinaryNode, child } from "../wire/nodes.ts";

/** What users report of the `biz` node that clients of businesses add to buttons. */
interface BusinessNode {
  /** The error of the ack. */
  refusal?: number;
  /** Phones show the buttons of the message. */
  showsButtons?: true;
}

export function readBusinessNode(stanza: BinaryNode): BusinessNode {
  const biz = child(stanza, "biz");
  if (!biz) return {};
  if (child(biz, "buttons")) return { refusal: 405 };
  const flow = child(child(biz, "interactive"), "native_flow");
  const isWhole = flow?.attrs["name"] !== undefined && child(biz, "quality_control") !== undefined;
  return isWhole ? { showsButtons: true } : { refusal: 479 };
}
