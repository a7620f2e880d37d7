import type { SealedContent } from "@sandi/contracts";
import { normalizeMessageContent } from "@whiskeysockets/baileys";
import { toProto } from "./content.ts";
import { forwarded, readContext } from "./context.ts";
import type { ReceivedContent } from "./kind.ts";
import { type ReceivedFile, type SentFile, wrapped } from "./media.ts";
import type { WireMessage } from "./wire.ts";

/** Kinds that nobody can forward: an answer belongs to its question, and the others cannot be read. */
const unforwardable: ReadonlySet<string> = new Set(["reply", "unsupported", "undecryptable"]);

/** What is kept of a message that somebody wrote to the account. */
interface Kept {
  content: ReceivedContent | { type: "undecryptable" };
  file?: ReceivedFile;
  forwardings?: number;
}

/** A message that was sent, as it is forwarded; null when it cannot be. */
export function forwardSent(sent: WireMessage): WireMessage | null {
  const plain = normalizeMessageContent(sent);
  if (!plain) return null;
  const parts = Object.entries(plain).filter(([name, part]) => name !== "messageContextInfo" && part);
  if (parts.length !== 1 || parts.some(([, part]) => isViewOnce(part))) return null;
  const { forwardings } = readContext(parts[0]![1]);
  return wrapped(forwarded(Object.fromEntries(parts), forwardings));
}

/**
 * A received message, as it is forwarded, with the file that lies at WhatsApp already; null when it cannot be.
 * @param now for the age of the file's key
 */
export function forwardReceived({ content, file, forwardings = 0 }: Kept, now: Date): WireMessage | null {
  if (unforwardable.has(content.type) || isViewOnce(content)) return null;
  // Received content has the shape of what is sent.
  const message = toProto(content as SealedContent, { template: null, file: file ? fileOf(file, content, now) : null });
  return message && wrapped(forwarded(message, forwardings));
}

const isViewOnce = (part: unknown) =>
  typeof part === "object" &&
  part !== null &&
  (("viewOnce" in part && part.viewOnce) || ("isViewOnce" in part && part.isViewOnce)) === true;

const bytes = (text: string) => Buffer.from(text, "base64");

function fileOf(file: ReceivedFile, { type }: { type: string }, now: Date): SentFile {
  const { mimeType, sizeBytes, sha256, width, height, seconds, waveform } = file.media;
  return {
    url: file.url ?? "",
    directPath: file.directPath ?? "",
    mediaKey: bytes(file.mediaKey),
    fileSha256: Buffer.from(sha256, "hex"),
    fileEncSha256: bytes(file.fileEncSha256),
    fileLength: sizeBytes,
    // Phones play a voice note only if it names its codec.
    mimeType: type === "voice" && mimeType === "audio/ogg" ? "audio/ogg; codecs=opus" : mimeType,
    mediaKeyTimestamp: Math.floor(now.getTime() / 1000),
    about: {
      ...(width === undefined ? {} : { width }),
      ...(height === undefined ? {} : { height }),
      ...(seconds === undefined ? {} : { seconds }),
      ...(waveform === undefined ? {} : { waveform: Uint8Array.from(waveform) }),
    },
  };
}
