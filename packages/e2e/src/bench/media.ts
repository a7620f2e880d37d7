import type { Media } from "@sandi/contracts";
import { startTestEdge } from "../edge.ts";
import { largeFile, type Peak, peakOfWorkerd, sendLarge, sha256Of } from "../large-files.ts";
import { loadAverage, print } from "./figures.ts";
import { peaksOfDocuments } from "./media-to-phone.ts";

const mp4 = Buffer.from("00000018667479706d703432000000006d70343269736f6d", "hex");
const files = [
  { name: "video, 50 MB", type: "video/mp4", start: mp4, size: 50_000_000 },
  { name: "document, 95 MiB", type: "application/pdf", start: Buffer.from("%PDF-1.7\n"), size: 95 * 1024 * 1024 },
];
const boundary = "----bench";

type Memory = Omit<Peak<unknown>, "result">;

const row = (name: string, ms: number, memory: Memory) =>
  print(`${name.padEnd(32)} ${(ms / 1000).toFixed(2)} s   ${shown(memory)}`);

const shown = ({ peakMb, idleMb }: Memory) => `${peakMb.toFixed(0).padStart(4)} MiB above ${idleMb.toFixed(0)}`;

/** The goal for the connector's memory above idle. */
const goalMb = 64;

/**
 * Uploads and reads the largest files through the Worker in workerd, and then sends the largest documents to a phone, each
 * alone with a connector that has just started. Prints the time and the memory of workerd and of the connector at its peak,
 * above the memory before. The local R2 is a part of workerd, so the Worker itself has less.
 */
export async function benchMedia(): Promise<void> {
  print(`load average ${loadAverage()} before`);
  await benchEdge();
  for (const { size, ms, connector, workerd } of await peaksOfDocuments([50_000_000, 95 * 1024 * 1024])) {
    const ratio = (connector.peakMb / goalMb).toFixed(2);
    row(`document, ${(size / 1e6).toFixed(0)} MB, to a phone`, ms, workerd);
    print(`${"  the connector".padEnd(42)} ${shown(connector)}, ${ratio} of the goal`);
  }
  print(`load average ${loadAverage()} after`);
}

async function benchEdge(): Promise<void> {
  const edge = await startTestEdge();
  try {
    const authorization = `Bearer ${edge.apiKey}`;
    const upload = async (size: number, { start, type, isForm }: { start: Buffer; type: string; isForm: boolean }) => {
      const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a"\r\ncontent-type: ${type}\r\n\r\n`;
      function* form() {
        yield Buffer.from(head);
        yield* largeFile(start, size);
        yield Buffer.from(`\r\n--${boundary}--\r\n`);
      }
      const contentType = isForm ? `multipart/form-data; boundary=${boundary}` : type;
      const headers = {
        authorization,
        "content-type": contentType,
        ...(isForm ? {} : { "content-length": String(size) }),
      };
      const body = isForm ? form() : largeFile(start, size);
      const answer = await sendLarge(`${edge.url}/v1/media`, { method: "POST", headers, body });
      if (answer.status !== 201) throw new Error(`an upload was answered with ${answer.status}: ${answer.text}`);
      return JSON.parse(answer.text) as Media;
    };
    await upload(6_000_000, { start: mp4, type: "video/mp4", isForm: true });
    for (const { name, type, start, size } of files) {
      for (const isForm of [false, true]) {
        const startedAt = performance.now();
        const { result, ...memory } = await peakOfWorkerd(() => upload(size, { start, type, isForm }));
        row(`${name}, ${isForm ? "form" : "body"}`, performance.now() - startedAt, memory);
        if (result.sha256 !== sha256Of(largeFile(start, size))) throw new Error("the upload has another hash");
        if (isForm) continue;
        const readAt = performance.now();
        const read = await peakOfWorkerd(() =>
          sendLarge(edge.url + result.contentPath, { method: "GET", headers: { authorization } }),
        );
        row(`${name}, read`, performance.now() - readAt, read);
        if (read.result.sha256 !== result.sha256) throw new Error("what was read has another hash");
      }
    }
  } finally {
    await edge.stop();
  }
}
