import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { maxMediaBytes } from "@sandi/contracts";
import { ask } from "../ask.ts";
import type { LostMedia } from "../baileys/media.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import { mediaIn, type MediaPart, type ReceivedMedia } from "../content/media.ts";
import type { WireMessage } from "../content/wire.ts";
import type { EdgeFiles } from "../edge-files.ts";
import { Damaged, type Declared, decrypting } from "./cipher.ts";
import { createTurns } from "./turns.ts";

/** Why a received file cannot be stored, also later. */
export type InboundProblem =
  /** The message does not say where the file is, or how to open it. */
  | "unreadable"
  | "too_large"
  /** The file is not what its message says. */
  | "damaged"
  /** WhatsApp's hosts have it no more, and the phone does not upload it again. */
  | "unavailable";

/**
 * Stores the file of a received message at the edge, once for each message. Rejects when that can be tried later: when the
 * edge or WhatsApp's hosts do not answer.
 */
export type StoreInboundMedia = (
  session: { sessionId: string; socket: Pick<WhatsAppSocket, "media"> },
  message: Omit<LostMedia, "mediaKey">,
  proto: WireMessage,
) => Promise<({ mediaId: string } & ReceivedMedia) | { problem: InboundProblem }>;

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

interface Known extends Declared {
  url: string | undefined;
  directPath: string | undefined;
}

export function createStoreInbound({ files }: { files: EdgeFiles }): StoreInboundMedia {
  const inTurn = createTurns(mostDownloads);

  return (session, message, proto) =>
    inTurn(async () => {
      const found = mediaIn(proto);
      const known = found && knownOf(found);
      if (!found || !known) return { problem: "unreadable" };
      const { media } = found;
      if (media.sizeBytes > maxMediaBytes) return { problem: "too_large" };
      const { sessionId, socket } = session;
      const store = (bytes: AsyncIterable<Uint8Array>) => {
        const { mimeType, sizeBytes, sha256, fileName } = media;
        const about = { mimeType, sizeBytes, sha256, ...(fileName === undefined ? {} : { fileName }) };
        return files.store({ sessionId, uploadId: uploadIdOf(message), ...about }, bytes);
      };
      const attempt = async (where: Known) => {
        const { hosts } = await socket.media.hosts(false);
        return fromHosts(addressesOf(where, hosts), async (url) =>
          store(decrypting(await bytesAt(url, socket.media.agent), known)),
        );
      };
      const first = await attempt(known);
      if ("mediaId" in first) return { ...first, ...media };
      if (!first.isGone) return { problem: "damaged" };
      const directPath = await socket.media.askAgain({ ...message, mediaKey: known.mediaKey }, askAgainMs);
      if (directPath === null) return { problem: "unavailable" };
      const second = await attempt({ ...known, url: undefined, directPath });
      if ("mediaId" in second) return { ...second, ...media };
      return { problem: second.isGone ? "unavailable" : "damaged" };
    });
}

/** Names the file for the edge. The sender can choose an id of any form. */
const uploadIdOf = ({ chat, waId, fromMe }: Omit<LostMedia, "mediaKey">) =>
  createHash("sha256")
    .update(JSON.stringify([chat, waId, fromMe]))
    .digest("hex");

function knownOf({ part, type, media }: NonNullable<ReturnType<typeof mediaIn>>): Known | null {
  const { mediaKey, fileSha256, fileEncSha256, url, directPath }: MediaPart = part;
  if (mediaKey?.length !== 32 || fileSha256?.length !== 32 || fileEncSha256?.length !== 32) return null;
  if (media.sizeBytes < 1 || (!url && !directPath)) return null;
  const { sizeBytes } = media;
  const hashes = { fileSha256, fileEncSha256 };
  return { mediaKey, ...hashes, type, sizeBytes, url: url ?? undefined, directPath: directPath ?? undefined };
}

/**
 * Where the file may be: two hosts. The sender writes the address, so it must be one of WhatsApp's; a path goes to
 * WhatsApp's hosts only.
 */
function addressesOf({ url, directPath }: Known, hosts: string[]): URL[] {
  const known = [...hosts, mainHost];
  const given = url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
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
