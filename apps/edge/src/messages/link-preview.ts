import type { Content, CreateMessage } from "@sandi/contracts";
import { fetchPublic } from "../http/fetch-public.ts";
import type { Services } from "../services.ts";
import { type PageWords, readPageWords } from "./page-words.ts";

const fetchMs = 5000;
const mostBytes = 512 * 1024;

type Asked = Content & Pick<CreateMessage, "quotedMessageId" | "mentions">;

/** Replaces `linkPreview: true` by what the page of the first link says; without a page the message has no preview. */
export async function withPreview(services: Services, content: Asked): Promise<Asked> {
  if (content.type !== "text" || content.linkPreview !== true) return content;
  const url = /https:\/\/[^\s<>"]*[^\s<>".,;:!?)\]'’”]/i.exec(content.text)?.[0];
  const words = url === undefined ? null : await fetchWords(services, url).catch(() => null);
  if (!words || url === undefined) return { ...content, linkPreview: false };
  const { image, ...said } = words;
  return { ...content, linkPreview: { url, ...said, ...(image === undefined ? {} : { image: { url: image } }) } };
}

/** The words of a page on the public internet, with the whole address of its picture; null if it has none. */
async function fetchWords(services: Services, url: string): Promise<PageWords | null> {
  const answer = await fetchPublic(services, url, {
    ms: fetchMs,
    fail: (reason, cause) => new Error(reason, { cause }),
  });
  try {
    const type = answer.headers.get("content-type") ?? "";
    if (answer.status !== 200 || !/^(?:text\/html|application\/xhtml\+xml)\b/i.test(type)) return null;
    const bytes = await readStart(answer.bytes);
    const declared = /charset=["']?([\w-]+)/i.exec(
      `${type} ${new TextDecoder("latin1").decode(bytes.subarray(0, 1024))}`,
    );
    const words = readPageWords(decoderOf(declared?.[1]).decode(bytes));
    if (words?.image === undefined) return words;
    const { image, ...said } = words;
    return URL.canParse(image, answer.url) ? { ...said, image: new URL(image, answer.url).href } : said;
  } finally {
    answer.close();
  }
}

function decoderOf(charset = "utf-8"): TextDecoder {
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}

/** The start of an answer: what comes later is not read. */
async function readStart(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const bytes = new Uint8Array(mostBytes);
  let size = 0;
  for await (const piece of pieces) {
    const part = piece.subarray(0, mostBytes - size);
    bytes.set(part, size);
    size += part.length;
    if (size === mostBytes) break;
  }
  return bytes.subarray(0, size);
}
