import { createReadStream } from "node:fs";
import { z } from "zod";
import { ask, textOf } from "../ask.ts";
import type { MediaHosts, MediaLink } from "../baileys/media.ts";
import type { MediaType } from "../content/media.ts";
import { MediaFailed } from "./failed.ts";

interface EncryptedFile {
  path: string;
  sizeBytes: number;
  fileEncSha256: Uint8Array;
  type: MediaType;
}

const Place = z.object({ url: z.string(), direct_path: z.string().startsWith("/") });

const timeoutMs = 300_000;
const mostHosts = 2;
const mostAnswerBytes = 64 * 1024;
/** Answers that are about the file: another host and another token change nothing. */
const ofFile = new Set([400, 413, 415]);

class Answered extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`WhatsApp's media host answered ${status}`);
    this.status = status;
  }
}

/**
 * Uploads an encrypted file: each of two hosts gets one try, and one more with a new token. Rejects with `MediaFailed` when
 * all of them refuse the file.
 */
export async function upload(link: MediaLink, file: EncryptedFile): Promise<{ url: string; directPath: string }> {
  const errors: unknown[] = [];
  for (const isFresh of [false, true]) {
    const found = await link.hosts(isFresh);
    for (const host of found.hosts.slice(0, mostHosts)) {
      try {
        return await uploadTo(host, { ...found, agent: link.agent, file });
      } catch (error) {
        errors.push(error);
      }
    }
  }
  const isRefused = errors.length > 0 && errors.every((error) => error instanceof Answered && ofFile.has(error.status));
  if (isRefused) throw new MediaFailed("media_refused", "WhatsApp refuses the file", errors.at(-1));
  throw new Error("no media host took the file", { cause: errors.at(-1) });
}

async function uploadTo(
  host: string,
  { auth, agent, file }: Pick<MediaHosts, "auth"> & Pick<MediaLink, "agent"> & { file: EncryptedFile },
): Promise<{ url: string; directPath: string }> {
  const token = Buffer.from(file.fileEncSha256).toString("base64url");
  const url = new URL(`https://${host}/mms/${file.type}/${token}`);
  url.search = new URLSearchParams({ auth, token }).toString();
  const answer = await ask(url, {
    method: "POST",
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(file.sizeBytes),
      origin: "https://web.whatsapp.com",
    },
    agent,
    body: createReadStream(file.path) as AsyncIterable<Buffer>,
    timeoutMs,
  });
  if (answer.statusCode !== 200) {
    answer.destroy();
    throw new Answered(answer.statusCode ?? 0);
  }
  const place = Place.parse(JSON.parse(await textOf(answer, mostAnswerBytes)));
  return { url: place.url, directPath: place.direct_path };
}
