import type { FailureReason } from "@sandi/contracts";
import { isOfTwo } from "../content/jids.ts";
import { stanzaNodes } from "../content/stanza-nodes.ts";
import { inAlbum } from "../content/album.ts";
import { albumId, whatsappId } from "../content/whatsapp-ids.ts";
import { encode, type WireMessage } from "../content/wire.ts";
import { compose, findEarlier, findMentions, findQuote } from "./compose.ts";
import { type Destination, learnOther, rememberForm } from "./destination.ts";
import type { Timed } from "../media/send-file.ts";
import { findForwarded } from "./find-forwarded.ts";
import type { OpenedMessage } from "./open-message.ts";
import type { Run, SendAttempt } from "./run.ts";
import { transmit } from "./transmit.ts";

interface Sending extends SendAttempt {
  opened: OpenedMessage;
  expiresAt: string;
  destination: Destination;
}

/** Sends an opened message; to the other jid of its recipient, once, if WhatsApp refuses the first one. */
export async function sendTo(run: Run, sending: Sending): Promise<FailureReason | "sent" | "paused"> {
  const { services, deliveries, job, telemetry, ackTimeoutMs } = run;
  const { session, permit, turn, opened, expiresAt, destination } = sending;
  const { fence, socket } = session;
  const { conversation, group, audience } = destination;
  const waId = whatsappId(job.messageId);
  const making = await makerOf(run, sending);
  if (typeof making === "string") return making;
  await turn.clear();
  const keepUntil = opened.isCode ? new Date(expiresAt) : new Date(services.now().getTime() + run.ledgerMs);

  async function attempt(chat: string, message: WireMessage, isSecondForm: boolean) {
    const about = { messageId: job.messageId, waId };
    const sent = { ...about, type: opened.type, message, quotedMessageId: opened.around.quotedMessageId ?? null };
    const inChat = conversation ? await run.keepSent(fence, { ...sent, conversation }) : [];
    await deliveries.begin(fence, {
      ...about,
      chat,
      message: encode(message),
      keepUntil,
      isPaced: job.lane !== "otp",
      options: opened.options,
      traceparent: telemetry.traceparent,
      inChat,
      ...(conversation ? { conversationId: conversation.id } : {}),
      ...(group ? { members: group.members } : {}),
      ...(audience ? { members: audience.length } : {}),
    });
    if (opened.album)
      await run.albums.open(session, { chat, waId: albumIdIn(run, opened.album, opened.to), ...opened.album });
    const nodes = stanzaNodes(message, services);
    return transmit(session, permit, { chat, audience, waId, message, nodes, telemetry, ackTimeoutMs, isSecondForm });
  }

  let { chat } = destination;
  const message = await making(chat);
  if (!message) return "unreadable";
  let result = await attempt(chat, message, false);
  if (typeof result === "object") {
    const [refused, good] = [chat, result.other];
    chat = good;
    result = await attempt(chat, (await making(chat)) ?? message, true);
    const { to, isCode } = opened;
    if (result === "sent") await rememberForm(run, session, { to, good, refused, isCode });
  }
  if (typeof result === "object") return "refused";
  if (result !== "sent") return result;
  const other = isOfTwo(chat) ? await socket.otherJidOf(chat).catch(() => null) : null;
  await deliveries.sent(fence, waId, other);
  await learnOther(run, session, { chat, conversation, other });
  return "sent";
}

/** Makes the message for each jid of its recipient, or says why it cannot be made. Its file is uploaded once. */
async function makerOf(
  run: Run,
  { session, opened, expiresAt, destination, mayHaveArrived }: Sending,
): Promise<FailureReason | ((chat: string) => Promise<WireMessage | null>)> {
  const { services, job } = run;
  const { live, socket } = session;
  const { conversation, group } = destination;
  const { quotedMessageId, mentions } = opened.around;
  const other = await knownOther(session, { opened, chat: destination.chat, mayHaveArrived });
  const kept = { ...run, live, socket, chat: destination.chat, other, conversation };
  const earlier = mayHaveArrived ? await findEarlier(kept, whatsappId(job.messageId)) : null;
  const { forwards } = opened;
  const forwarded = forwards === null || earlier ? null : await findForwarded(run, job.sessionId, forwards);
  if (typeof forwarded === "string") return forwarded;
  // The file of an earlier attempt lies at WhatsApp already.
  const timed: Timed = (stage, work) => run.telemetry.timed(stage, work);
  const file = opened.media && !earlier ? await run.media.sendFile(socket, opened.media, timed) : null;
  if (typeof file === "string") return file;
  // A large file takes its time.
  if (file && Date.parse(expiresAt) <= services.now().getTime()) return "expired";
  const picture = opened.picture && !earlier ? await run.media.makePreview(opened.picture) : null;
  const messageSecret = earlier?.messageContextInfo?.messageSecret ?? services.random(32);
  return async (chat) => {
    if ((opened.media ?? opened.picture ?? forwards) !== null && earlier) return earlier;
    const quote = quotedMessageId === undefined ? null : await findQuote({ ...kept, chat }, quotedMessageId);
    const mentioned = await findMentions({ ...run, sessionId: job.sessionId, chat, group }, mentions);
    const message = compose(opened, { file, forwarded, picture, quote, mentioned, messageSecret });
    if (!message || !opened.album) return message;
    return inAlbum(message, { chat, waId: albumIdIn(run, opened.album, opened.to) });
  };
}

const albumIdIn = ({ job }: Run, { id }: { id: string }, to: string) => albumId(job.sessionId, { to, name: id });

/** The recipient's other jid, where an earlier message may have gone: for a quote, or for another attempt. */
async function knownOther(
  { socket }: SendAttempt["session"],
  { opened, chat, mayHaveArrived }: Pick<Sending, "opened" | "mayHaveArrived"> & { chat: string },
): Promise<string | null> {
  if (!isOfTwo(chat) || (opened.around.quotedMessageId === undefined && !mayHaveArrived)) return null;
  return socket.otherJidOf(chat).catch(() => null);
}
