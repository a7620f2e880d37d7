import {
  type ClaimResult,
  sealedFor,
  type SealedMedia,
  type SealedMediaContent,
  SealedPayload,
  type SendJob,
} from "@sandi/contracts";
import type { Unsealer } from "@sandi/crypto";
import type { Logger } from "pino";
import { toProto } from "../content/content.ts";
import type { SentFile } from "../content/media.ts";
import { numberedOptionsOf, type Option } from "../content/options.ts";
import type { WireMessage } from "../content/wire.ts";
import type { Services } from "../services.ts";
import { isFor } from "./purpose.ts";

type Claimed = Extract<ClaimResult, { outcome: "claimed" }>;

interface Context {
  job: Pick<SendJob, "messageId">;
  unseal: Unsealer;
  services: Pick<Services, "now">;
  logger: Logger;
}

/** A claimed message that can be sent. */
export interface OpenedMessage {
  /** E.164; the id of a chat or a person; the jid of a group or of a hidden id; `status` for a story. */
  to: string;
  /** Of its content, before it is rendered; null for a message that forwards another one. */
  type: string | null;
  /** A code is kept for devices that ask again only while it is good. */
  isCode: boolean;
  /** The file of the message, which goes to WhatsApp first; null for a kind without one. */
  media: SealedMediaContent | null;
  /** The album that its file belongs to. */
  album: { id: string; images: number; videos: number } | null;
  /** The id of the message that it forwards; null: it has a content of its own. */
  forwards: string | null;
  /** The picture of its link preview. */
  picture: SealedMedia | null;
  /** Null for a message whose file is not the right one. */
  write: (file: SentFile | null, picture?: Uint8Array | null) => WireMessage | null;
  /** What people may choose by its number; none in a message without numbers. */
  options: Option[];
  /** Who sees a story; null: it is none. */
  audience: string[] | null;
  /** What surrounds the message. */
  around: Pick<SealedPayload, "quotedMessageId" | "mentions">;
}

/** Opens a claimed message; null when it cannot be read, or was sealed for something else. */
export async function openMessage(
  { job, unseal, services, logger }: Context,
  { sealed, verificationId, template }: Claimed,
  workspaceId: string,
): Promise<OpenedMessage | null> {
  const opened = await unseal(sealed).catch(() => null);
  const payload = SealedPayload.safeParse(opened?.value).data;
  if (!opened || !payload) return null;
  const { to, quotedMessageId, mentions, audience, ...content } = payload;
  const isCode = content.type === "code";
  // Codes go to numbers only.
  if (isCode && !to.startsWith("+")) return null;
  if ((to === "status") !== (audience !== undefined)) return null;
  const expected = isCode ? codePurpose(verificationId, workspaceId) : sealedFor.message(job.messageId, workspaceId);
  if (!isFor(opened.purpose, expected, services.now())) {
    logger.error({ messageId: job.messageId }, "a sealed payload is for something else than its message: not sent");
    return null;
  }
  const around = { quotedMessageId, mentions };
  if (content.type === "forward") {
    const forwards = content.messageId;
    const none = { type: null, media: null, album: null, picture: null, options: [], audience: null };
    return { to, isCode, ...none, forwards, write: () => null, around };
  }
  const media = "media" in content ? content : null;
  const album = ("album" in content && content.album) || null;
  const picture = (content.type === "text" && content.linkPreview && content.linkPreview.image) || null;
  const write: OpenedMessage["write"] = (file, small = null) => toProto(content, { template, file, picture: small });
  if (!media && !write(null)) return null;
  const options = numberedOptionsOf(content);
  const seenBy = audience?.people ?? null;
  const about = { to, type: content.type, isCode, options, audience: seenBy };
  return { ...about, media, album, picture, forwards: null, write, around };
}

const codePurpose = (verificationId: string | null | undefined, workspaceId: string): string | undefined =>
  verificationId === undefined ? undefined : sealedFor.code(verificationId ?? "", workspaceId);
