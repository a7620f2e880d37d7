import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { percentile } from "./figures.ts";
import type { MessageLoadReport } from "./message-load.ts";

/** One part of the way of a message: the bytes of each message, and milliseconds. */
export interface Leg {
  leg: string;
  bytes?: number;
  p50?: number;
  p95?: number;
}

interface Seen {
  /** Lines of the stack. The connector writes one for each message that was sent. */
  lines: readonly string[];
  /** The size of the file of each message. */
  fileBytes: number | undefined;
  /** The bytes that each message adds to the files of the edge. */
  stored: number;
}

const connectorLegs = {
  queueMs: "until the connector has the job",
  claimMs: "claimed at the edge",
  fetchFileMs: "read at the edge, encrypted",
  uploadFileMs: "uploaded to WhatsApp",
  ackMs: "sent until WhatsApp's ack",
} as const;
type Took = Partial<Record<keyof typeof connectorLegs, number>>;

/** The legs of the messages of one load, in their order. A file is read and encrypted in one pass. */
export function legsOf(report: MessageLoadReport, { lines, fileBytes, stored }: Seen): Leg[] {
  const ids = new Set(report.messageIds);
  const sent = lines.flatMap((line) => {
    if (!line.startsWith("connector {") || !line.includes('"outcome":"sent"')) return [];
    const took = JSON.parse(line.slice("connector ".length)) as Took & { messageId: string };
    return ids.has(took.messageId) ? [took] : [];
  });
  const encrypted = fileBytes === undefined ? undefined : encryptedSize(fileBytes);
  const bytesOf: Partial<Record<keyof Took, number | undefined>> = { fetchFileMs: fileBytes, uploadFileMs: encrypted };
  const ofConnector = (Object.keys(connectorLegs) as (keyof Took)[]).flatMap((name) =>
    leg(
      connectorLegs[name],
      sent.flatMap((took) => took[name] ?? []),
      bytesOf[name],
    ),
  );
  const ofFile: Leg[] =
    fileBytes === undefined
      ? []
      : [
          ...leg("uploaded to the edge", report.uploaded, fileBytes),
          { leg: "stored at the edge, sealed", bytes: stored },
        ];
  return [
    ...ofFile,
    ...leg("accepted", report.accepted),
    ...ofConnector,
    ...leg("on the phone, of all", report.onPhone),
  ];
}

function leg(name: string, samples: number[], bytes?: number): Leg[] {
  if (samples.length === 0) return [];
  const times = { p50: percentile(samples, 0.5), p95: percentile(samples, 0.95) };
  return [{ leg: name, ...(bytes === undefined ? {} : { bytes }), ...times }];
}

/** AES-256-CBC fills the last block, and ten bytes of the MAC follow. */
const encryptedSize = (bytes: number) => (Math.floor(bytes / 16) + 1) * 16 + 10;

/** The bytes of all files in a folder. */
export async function sizeOfFolder(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async ({ parentPath, name }) => (await stat(join(parentPath, name)).catch(() => undefined))?.size ?? 0),
  );
  return sizes.reduce((total, size) => total + size, 0);
}
