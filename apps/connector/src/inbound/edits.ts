import type { InStatement } from "@libsql/client";
import { type Change, editedIn } from "../content/changes.ts";
import { fromProto } from "../content/content.ts";
import { openEdit } from "../content/secrets.ts";
import { encode, type WireMessage } from "../content/wire.ts";
import { captionOf, withEdit } from "../content/write-changes.ts";
import { editSentStatement, ledgerMessage } from "../store/ledger.ts";
import { editStatement, messageContent } from "../store/messages.ts";
import { actorNames, type Applied, chatNames, type Effect, sentMessage } from "./changing.ts";
import { type ChangeContext, type MessageBody, timeOf } from "./context.ts";
import { contentTokens } from "./message-words.ts";

/** Only its author edits a message. */
export async function edited(
  context: ChangeContext,
  { fence, changing, target, actor, now }: Applied,
  change: Extract<Change, { type: "edit" | "encryptedEdit" }>,
): Promise<Effect> {
  const { row, body } = target;
  const { sessionId } = fence;
  if ((row?.author ?? null) !== (actor?.id ?? null) || (row && row.revokedAt !== null)) return null;
  const isOfApi = row === null || row.origin === "api";
  const person = chatNames(changing);
  const sent = isOfApi ? await sentMessage(context, { sessionId, waId: change.target, person }) : null;
  const secret = secretOf(body) ?? sent?.messageContextInfo?.messageSecret;
  const message = editIn(change, secret, actorNames(changing, actor));
  if (!message) return null;
  const atRest = context.atRest(sessionId);
  const editedAt = timeOf(changing.at, now);
  const statements: InStatement[] = [];
  if (sent) {
    const sealed = await atRest.seal(encode(withEdit(sent, message)), ledgerMessage.context(change.target));
    statements.push(editSentStatement(fence, { waId: change.target, sealed, editedAt }));
  }
  const content = editedContentOf(body, message);
  if (row && content) {
    const sealed = body && (await messageContent.seal(atRest, JSON.stringify({ ...body, content }), row.id));
    const words = contentTokens(context.pseudonym, sessionId, content);
    statements.push(editStatement(fence, { waId: row.waId, sealed, words, editedAt }));
  }
  if (statements.length === 0) return null;
  const said = row && { text: textOf(content), formerText: textOf(body?.content ?? null) };
  return { type: "message.edited", change: said ?? undefined, statements };
}

/** The text or the caption; null for a content without one. */
function textOf(content: MessageBody["content"] | null): string | null {
  if (content?.type === "text") return content.text;
  return content && "caption" in content ? (content.caption ?? null) : null;
}

const secretOf = (body: MessageBody | null) => (body?.secret ? Buffer.from(body.secret, "base64") : null);

/** The message inside an edit; null when it cannot be opened. */
function editIn(
  change: Extract<Change, { type: "edit" | "encryptedEdit" }>,
  secret: Uint8Array | null | undefined,
  names: string[],
): WireMessage | null {
  if (change.type === "edit") return change.message;
  if (!secret?.length) return null;
  const opened = openEdit({ waId: change.target, secret, author: names, actor: names }, change.encrypted);
  return opened && editedIn(opened);
}

const captioned: ReadonlySet<MessageBody["content"]["type"]> = new Set(["image", "video", "document"]);

/** The content after an edit; null if the edit says nothing. Of a message with a file it changes the caption only. */
function editedContentOf(body: MessageBody | null, message: WireMessage): MessageBody["content"] | null {
  const content = fromProto(message)?.content ?? null;
  if (!body || !("media" in body.content)) return content;
  const caption = captionOf(message) ?? (content?.type === "text" ? content.text : null);
  if (caption === null || !captioned.has(body.content.type)) return null;
  return { ...body.content, caption } as MessageBody["content"];
}
