import type { EventMessage } from "@sandi/contracts";
import { shownMedia } from "../messages/message-media.ts";
import { toMessage, type Viewer } from "../messages/present.ts";
import type { EventMessageRow } from "../messages/repository.ts";
import type { Services } from "../services.ts";
import { messageAsOf, type MessageFact } from "./message-as-of.ts";
import type { Resources } from "./read-resources.ts";

interface Shown extends MessageFact {
  id: string;
  row: EventMessageRow;
  scopes: Viewer["scopes"];
}

/** The message of an event as the reader sees it. */
export async function presentMessage(
  services: Services,
  resources: Resources,
  { id, row, scopes, ...fact }: Shown,
): Promise<EventMessage> {
  const isCode = row.verificationId !== null;
  const {
    reactions: _r,
    votes: _v,
    isPinned: _p,
    isStarred: _s,
    ...message
  } = toMessage(messageAsOf(row, fact), {
    now: fact.at,
    scopes,
  });
  const shown: EventMessage = isCode ? { ...message, type: "code", lane: "otp" } : message;
  if (fact.type !== "message.received" || !scopes.has("message:read")) return shown;
  const kept = resources.contents.get(id)?.message;
  if (!kept?.content) return { ...shown, contentState: stateWithout(resources, row) };
  const { from, quotedMessageId } = kept;
  const content = await withFile(services, resources, { content: kept.content, messageId: row.id });
  return { ...shown, content, contentState: "kept", from: from ?? shown.from, quotedMessageId };
}

/** Why there is no content. */
function stateWithout({ at, contentMs = 0 }: Resources, row: EventMessageRow): EventMessage["contentState"] {
  if (row.status === "revoked" || row.deletedAt !== null || contentMs === 0) return "dropped";
  return row.createdAt + contentMs <= at ? "expired" : "unavailable";
}

/** The content with a link to its file, if the file is stored by now. */
async function withFile(
  services: Services,
  { files }: Resources,
  { content, messageId }: { content: Record<string, unknown>; messageId: string },
) {
  const media = content["media"] as Record<string, unknown> | undefined;
  return media ? { ...content, media: await shownMedia(services, media, files.get(messageId)) } : content;
}
