import type { Content, CreateMessage } from "@sandi/contracts";
import { targetFault } from "../http/targets.ts";
import type { Services } from "../services.ts";
import { type PageWords, readPageWords } from "./page-words.ts";

const mostRedirects = 3;
const fetchMs = 5000;
const mostBytes = 512 * 1024;
const redirects = new Set([301, 302, 303, 307, 308]);

type Asked = Content & Pick<CreateMessage, "quotedMessageId" | "mentions">;

/** Replaces `linkPreview: true` by what the page of the first link says; without a page the message has no preview. */
export async function withPreview(services: Services, content: Asked): Promise<Asked> {
  if (content.type !== "text" || content.linkPreview !== true) return content;
  const url = /https:\/\/[^\s<>"]*[^\s<>".,;:!?)\]'’”]/i.exec(content.text)?.[0];
  const words = url === undefined ? null : await fetchWords(services, url).catch(() => null);
  return { ...content, linkPreview: words && url !== undefined ? { url, ...words } : false };
}

/** Reads a page of the public internet. Every address on the way is checked; the runtime refuses names of private ones. */
async function fetchWords(services: Services, url: string): Promise<PageWords | null> {
  const signal = services.timeout(fetchMs);
  let from = url;
  for (let hops = 0; hops <= mostRedirects; hops++) {
    if (targetFault(from, { allowLocal: services.allowLocalTargets }) !== undefined) return null;
    const answer = await services.fetchFrom(from, signal);
    if (!redirects.has(answer.status)) return await wordsOf(answer);
    void answer.body?.cancel().catch(() => undefined);
    const location = answer.headers.get("location") ?? "";
    if (!URL.canParse(location, from)) return null;
    from = new URL(location, from).href;
  }
  return null;
}

async function wordsOf(answer: Response): Promise<PageWords | null> {
  const type = answer.headers.get("content-type") ?? "";
  if (answer.status !== 200 || !/^(?:text\/html|application\/xhtml\+xml)\b/i.test(type)) {
    void answer.body?.cancel().catch(() => undefined);
    return null;
  }
  const bytes = await readStart(answer);
  const declared = /charset=["']?([\w-]+)/i.exec(
    `${type} ${new TextDecoder("latin1").decode(bytes.subarray(0, 1024))}`,
  );
  return readPageWords(decoderOf(declared?.[1]).decode(bytes));
}

function decoderOf(charset = "utf-8"): TextDecoder {
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}

/** The start of an answer: what comes later is not read. */
async function readStart({ body }: Response): Promise<Uint8Array> {
  if (!body) return new Uint8Array();
  const bytes = new Uint8Array(mostBytes);
  const reader = body.getReader();
  let size = 0;
  while (size < mostBytes) {
    const { done, value } = await reader.read();
    if (done) return bytes.subarray(0, size);
    const part = value.subarray(0, mostBytes - size);
    bytes.set(part, size);
    size += part.length;
  }
  void reader.cancel().catch(() => undefined);
  return bytes.subarray(0, size);
}
