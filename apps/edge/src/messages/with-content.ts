import { type Message, ReadMessagesRpc, type StoredMessage } from "@sandi/contracts";
import type { Context } from "../context.ts";
import { ask } from "../sessions/connector.ts";
import { withFiles } from "./message-media.ts";
import { contentMsOf } from "./received.ts";

/** A page asks about the messages of so many sessions, all at the same time. */
const mostSessions = 6;
/** Before these statuses the connector has nothing. */
const stored: ReadonlySet<Message["status"]> = new Set(["sent", "delivered", "read", "played", "received"]);

/** The messages with what their connectors keep of them, for keys that may read it. */
export async function withContent(ctx: Context, messages: Message[]): Promise<Message[]> {
  if (!ctx.actor.scopes.has("message:read")) return messages;
  const asked = Map.groupBy(
    messages.filter(
      ({ status, sessionId, deletedAt }) => sessionId !== null && stored.has(status) && deletedAt === null,
    ),
    ({ sessionId }) => sessionId!,
  );
  if (ctx.actor.environment === "test") asked.clear();
  const answers = await Promise.all(
    [...asked].slice(0, mostSessions).map(([sessionId, of]) =>
      ask(ctx.services, ReadMessagesRpc, { sessionId, messageIds: of.map(({ id }) => id) }).then(
        (answer) => [sessionId, new Map(answer.messages.map((one) => [one.id, one]))] as const,
        () => undefined,
      ),
    ),
  );
  const bySession = new Map(answers.filter((answer) => answer !== undefined));
  const shown = messages.map((message) => {
    const answer = bySession.get(message.sessionId ?? "");
    return withStored(ctx, message, answer && (answer.get(message.id) ?? null));
  });
  return withFiles(ctx, shown);
}

/**
 * The message with what its connector keeps of it. @param one undefined: the connector was not asked, or is away. Null: it
 * does not have the message
 */
export const withStored = (ctx: Context, message: Message, one: StoredMessage | null | undefined): Message => ({
  ...message,
  ...(one && shownOf(one, message)),
  contentState: stateOf(ctx, message, one),
});

function stateOf(
  { actor, services }: Context,
  { status, type, direction, createdAt, deletedAt }: Message,
  one: StoredMessage | null | undefined,
): Message["contentState"] {
  if (one?.content) return "kept";
  if (status === "revoked" || deletedAt !== null) return "dropped";
  if (direction === "inbound" || one !== undefined) {
    const keptMs = contentMsOf(actor.policy, actor.quota);
    if (keptMs === 0) return "dropped";
    if (Date.parse(createdAt) + keptMs <= services.now().getTime()) return "expired";
  }
  return one === undefined || type === "undecryptable" ? "unavailable" : "expired";
}

function shownOf(one: StoredMessage, message: Message) {
  const { from, content, quotedMessageId, reactions, isPinned, isStarred } = one;
  const shown = { content, quotedMessageId, reactions, isPinned, isStarred };
  return { ...shown, from: from ?? message.from, votes: votesOf(one) };
}

/** The options of a poll, each with who voted for it; none for other kinds. */
export function votesOf({ content, votes }: Pick<StoredMessage, "content" | "votes">): Message["votes"] {
  const options = content?.["type"] === "poll" ? (content["options"] as string[]) : [];
  return options.map((option) => {
    const people = votes.filter((vote) => vote.options.includes(option)).map((vote) => vote.from);
    return { option, count: people.length, people };
  });
}
