import type { EventContent, Person } from "@sandi/contracts";
import { toMedia, withLink } from "../media/links.ts";
import { maskedPerson, showsAccount } from "../messages/present.ts";
import type { ShownEvent } from "../messages/shown-events.ts";
import type { Services } from "../services.ts";
import { sessionChange } from "../sessions/history.ts";
import type { FeedRow } from "./feed-rows.ts";
import type { EventReader } from "./reader.ts";
import type { Resources } from "./read-resources.ts";

/** What an event adds to its resource, as the reader sees it. */
export async function changeOf(
  services: Services,
  resources: Resources,
  { row, shown: { type, data }, reader }: { row: FeedRow; shown: ShownEvent; reader: Pick<EventReader, "scopes"> },
): Promise<Record<string, unknown>> {
  if (type.startsWith("session.")) {
    const { type: _, ...change } = sessionChange(row);
    return change;
  }
  if (type === "message.media")
    return { mediaState: data["mediaState"], media: await fileOf(services, resources, row, data) };
  const content = isLikeOff(resources, row, reader) ? undefined : resources.contents.get(row.id)?.change;
  return shapes[type]?.(data, content, () => whoOf(resources, row, { data, content })) ?? {};
}

/**
 * A message to a number without an account looks like one to a phone that is off. Nobody keeps what changed such a message,
 * so readers without `lookup:read` see the content of changes when the message is delivered.
 */
function isLikeOff({ messages }: Resources, { messageId }: FeedRow, { scopes }: Pick<EventReader, "scopes">): boolean {
  const message = messages.get(messageId ?? "");
  return message !== undefined && showsAccount(message, { scopes });
}

type Content = EventContent["change"];
type Shape = (data: ShownEvent["data"], content: Content, who: () => Person | null) => Record<string, unknown>;

const shapes: Record<string, Shape> = {
  "message.scheduled": ({ sendAt }) => ({ sendAt }),
  "message.rerouted": ({ from, reason }) => ({ fromSessionId: from, reason }),
  "message.failed": ({ reason }) => ({ reason }),
  "message.edited": (_, content, who) => ({
    from: who(),
    text: content?.text ?? null,
    formerText: content?.formerText ?? null,
  }),
  // Null: it was taken back.
  "message.reaction": (_, content, who) => ({ from: who(), emoji: content ? (content.emoji ?? "") : null }),
  "message.reply": ({ replyId }, content, who) => ({
    from: who(),
    replyMessageId: replyId,
    choice: content?.choice ?? null,
  }),
  "poll.vote": (_, content, who) => ({ from: who(), options: content?.options ?? null }),
  "verification.created": ({ mode }) => ({ mode }),
  "verification.switched": ({ mode }) => ({ mode }),
  "verification.resent": ({ sendsLeft }) => ({ sendsLeft }),
  "verification.check_failed": ({ attemptsLeft }) => ({ attemptsLeft }),
  "verification.approved": ({ approvedBy }) => ({ approvedBy }),
  "chat.merged": ({ mergedIds }) => ({ mergedIds }),
};

/** Who did something with a message: as the connector reported it, or with what the edge knows. */
function whoOf(
  { messages }: Resources,
  { messageId }: FeedRow,
  { data, content }: { data: ShownEvent["data"]; content: Content },
): Person | null {
  if (content) return content.from;
  const id = data["personId"] as string | null | undefined;
  if (id === null || id === undefined) return null;
  const message = messages.get(messageId ?? "");
  return maskedPerson(id, message?.personId === id ? message.fromMasked : null);
}

/** The file of `message.media`, for readers of contents. */
async function fileOf(services: Services, { files }: Resources, { messageId }: FeedRow, data: ShownEvent["data"]) {
  const file = data["mediaState"] === "stored" ? files.get(messageId ?? "") : undefined;
  return file ? withLink(services, toMedia(file)) : null;
}
