import type { Change } from "../content/changes.ts";
import { fromProto } from "../content/content.ts";
import { openVote } from "../content/secrets.ts";
import { actorNames, type Applied, chatNames, jidsOf, type Sent, sentMessage } from "./changing.ts";
import type { ChangeContext, MessageBody } from "./context.ts";

/** The names that somebody voted for. The poll may be somebody else's, or one that was sent through the API. */
export async function votedFor(
  context: ChangeContext,
  { fence: { sessionId }, changing, target, actor }: Applied,
  { target: waId, encrypted }: Extract<Change, { type: "vote" }>,
): Promise<string[] | null> {
  const poll = target.row
    ? pollIn(target.body)
    : await sentPoll(context, { sessionId, waId, person: chatNames(changing) });
  if (!poll) return null;
  const author = await namesOf(context, sessionId, target.row?.author ?? null, changing.own);
  return openVote({ waId, secret: poll.secret, author, actor: actorNames(changing, actor) }, encrypted, poll.options);
}

interface Poll {
  secret: Uint8Array;
  options: string[];
}

function pollIn(body: MessageBody | null): Poll | null {
  if (body?.content.type !== "poll" || body.secret === null) return null;
  return { secret: Buffer.from(body.secret, "base64"), options: body.content.options };
}

async function sentPoll(context: ChangeContext, poll: Sent): Promise<Poll | null> {
  const sent = await sentMessage(context, poll);
  const content = sent && fromProto(sent)?.content;
  const secret = sent?.messageContextInfo?.messageSecret;
  return content?.type === "poll" && secret ? { secret, options: content.options } : null;
}

async function namesOf({ conversations }: ChangeContext, sessionId: string, author: string | null, own: string[]) {
  if (author === null) return own;
  return jidsOf((await conversations.find(sessionId, [author])).get(author));
}
