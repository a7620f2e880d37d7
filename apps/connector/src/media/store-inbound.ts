import type { IncomingMessage } from "node:http";
import { maxMediaBytes, type StoredMedia } from "@sandi/contracts";
import { ask } from "../ask.ts";
import type { LostMedia } from "../baileys/media.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { ReceivedFile } from "../content/media.ts";
import type { EdgeFiles } from "../edge-files.ts";
import { Damaged, type Declared, decrypting } from "./cipher.ts";
import { createTurns } from "./turns.ts";

/** Why a received file is not stored, also later. */
export type InboundProblem =
  | "too_large"
  /** The file is not what its message says. */
  | "damaged"
  /** WhatsApp's hosts have it no more, and the phone does not upload it again. */
  | "unavailable";

/** A received message with a file. */
export type FileMessage = Omit<LostMedia, "mediaKey"> & { messageId: string };

/**
 * Stores the file of a received message at the edge, once for each message. Rejects when that can be tried later: when the
 * edge or WhatsApp's hosts do not answer.
 */
export type StoreInboundMedia = (
  session: { sessionId: string; socket: Pick<WhatsAppSocket, "media"> },
  message: FileMessage,
  file: ReceivedFile,
) => Promise<StoredMedia | { problem: InboundProblem }>;

const mostDownloads = 4;
const mostHosts = 2;
const timeoutMs = 300_000;
const askAgainMs = 30_000;
const mainHost = "mmg.whatsapp.net";
const gone = new Set([403, 404, 410]);

/** A media host did not give the file. */
class HostFailed extends Error {
  override readonly name = "HostFailed";
  readonly isGone: boolean;
  constructor(cause: unknown, status?: number) {
    super(status === undefined ? "a media host did not answer" : `a media host answered ${status}`, { cause });
    this.isGone = status !== undefined && gone.has(status);
  }
}

type Known = Declared & Pick<ReceivedFile, "url" | "directPath">;

export function createStoreInbound({ files }: { files: EdgeFiles }): StoreInboundMedia {
  const inTurn = createTurns(mostDownloads);

  return (session, { messageId, ...message }, file) =>
    inTurn(async () => {
      const { media } = file;
      if (media.sizeBytes > maxMediaBytes) return { problem: "too_large" };
      const known = knownOf(file);
      const { sessionId, socket } = session;
      const store = (bytes: AsyncIterable<Uint8Array>) => {
        const { mimeType, sizeBytes, sha256, fileName } = media;
        const about = { mimeType, sizeBytes, sha256, ...(fileName === undefined ? {} : { fileName }) };
        return files.store({ sessionId, uploadId: messageId, ...about }, bytes);
      };
      const attempt = async (where: Known) => {
        const { hosts } = await socket.media.hosts(false);
        return fromHosts(addressesOf(where, hosts), async (url) =>
          store(decrypting(await bytesAt(url, socket.media.agent), known)),
        );
      };
      const first = await attempt(known);
      if ("mediaId" in first) return first;
      if (!first.isGone) return { problem: "damaged" };
      const directPath = await socket.media.askAgain({ ...message, mediaKey: known.mediaKey }, askAgainMs);
      if (directPath === null) return { problem: "unavailable" };
      const second = await attempt({ ...known, url: null, directPath });
      if ("mediaId" in second) return second;
      return { problem: second.isGone ? "unavailable" : "damaged" };
    });
}

function knownOf({ type, media, mediaKey, fileEncSha256, url, directPath }: ReceivedFile): Known {
  const keys = { mediaKey: Buffer.from(mediaKey, "base64"), fileEncSha256: Buffer.from(fileEncSha256, "base64") };
  return { ...keys, fileSha256: Buffer.from(media.sha256, "hex"), type, sizeBytes: media.sizeBytes, url, directPath };
}

/**
 * Where the file may be: two hosts. The sender writes the address, so it must be one of WhatsApp's; a path goes to
 * WhatsApp's hosts only.
 */
function addressesOf({ url, directPath }: Known, hosts: string[]): URL[] {
  const known = [...hosts, mainHost];
  const given = url === null ? null : URL.parse(url);
  const isOurs = ({ protocol, host, hostname, port }: URL) =>
    protocol === "https:" && (hosts.includes(host) || (hostname.endsWith(".whatsapp.net") && port === ""));
  const path = directPath ?? (given && given.pathname + given.search);
  const all = [
    ...(given ? [given] : []),
    ...known.flatMap((host) => (path?.startsWith("/") ? (URL.parse(`https://${host}${path}`) ?? []) : [])),
  ];
  const allowed = all.filter((each) => isOurs(each));
  return allowed.filter(({ host }, at) => allowed.findIndex((each) => each.host === host) === at).slice(0, mostHosts);
}

/** Tries the addresses in turn. An error of the edge ends it, and so does one of a host when another one may still have it. */
async function fromHosts<T extends object>(
  addresses: URL[],
  take: (url: URL) => Promise<T>,
): Promise<T | { isGone: boolean }> {
  const errors: (HostFailed | Damaged)[] = [];
  for (const url of addresses) {
    try {
      return await take(url);
    } catch (error) {
      if (!(error instanceof HostFailed || error instanceof Damaged)) throw error;
      errors.push(error);
    }
  }
  const silent = errors.find((error) => error instanceof HostFailed && !error.isGone);
  if (silent) throw silent;
  return { isGone: errors.every((error) => error instanceof HostFailed) };
}

/** The encrypted file. Throws `HostFailed`, also while it is read. */
async function bytesAt(url: URL, agent: WhatsAppSocket["media"]["agent"]): Promise<AsyncIterable<Uint8Array>> {
  const headers = { origin: "https://web.whatsapp.com" };
  const asked = ask(url, { method: "GET", headers, agent, timeoutMs });
  const answer: IncomingMessage = await asked.catch((error: unknown) => {
    throw new HostFailed(error);
  });
  if (answer.statusCode !== 200) {
    answer.destroy();
    throw new HostFailed(undefined, answer.statusCode);
  }
  return (async function* read() {
    const chunks = (answer as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await chunks.next().catch((error: unknown) => {
          throw new HostFailed(error);
        });
        if (done) return;
        yield value;
      }
    } finally {
      answer.destroy();
    }
  })();
}
