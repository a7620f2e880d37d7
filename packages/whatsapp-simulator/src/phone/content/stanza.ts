import type { Content } from "./kind.ts";

/** What the server and other clients learn of an encrypted message: its type, and the attributes of a `meta` node. */
export interface Stanza {
  type: string;
  meta?: Record<string, string> | undefined;
  encAttributes?: Record<string, string> | undefined;
}

/** The stanza of a content, as clients send it. */
export function stanzaOf(content: Content): Stanza {
  if (content.pollCreationMessage ?? content.pollCreationMessageV3) {
    return { type: "poll", meta: { polltype: "creation" } };
  }
  if (content.eventMessage) return { type: "event", meta: { event_type: "creation" } };
  const mediatype = content.contactMessage
    ? "vcard"
    : content.contactsArrayMessage
      ? "contact_array"
      : content.interactiveResponseMessage && "native_flow_response";
  return mediatype ? { type: "media", encAttributes: { mediatype } } : { type: "text" };
}
