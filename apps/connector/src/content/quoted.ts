import type { SealedContent } from "@sandi/contracts";
import { toProto } from "./content.ts";
import type { ReceivedContent } from "./kind.ts";
import type { ReceivedMedia, SentFile } from "./media.ts";
import type { WireMessage } from "./wire.ts";

/** A received message as a quote shows it; null when there is nothing to show. Of a file it has the description only. */
export function quotedWire(content: ReceivedContent | { type: "undecryptable" }): WireMessage | null {
  switch (content.type) {
    case "undecryptable":
    case "unsupported":
      return null;
    case "reply":
      return { conversation: content.text };
    default: {
      const file = "media" in content ? describedFile(content.media) : null;
      return toProto(content as unknown as SealedContent, { template: null, file });
    }
  }
}

function describedFile({ mimeType, sizeBytes, sha256, width, height, seconds, waveform }: ReceivedMedia): SentFile {
  const none = new Uint8Array();
  return {
    url: "",
    directPath: "",
    mediaKey: none,
    fileSha256: Buffer.from(sha256, "hex"),
    fileEncSha256: none,
    fileLength: sizeBytes,
    mimeType,
    mediaKeyTimestamp: 0,
    about: {
      ...(width === undefined ? {} : { width }),
      ...(height === undefined ? {} : { height }),
      ...(seconds === undefined ? {} : { seconds }),
      ...(waveform === undefined ? {} : { waveform: Uint8Array.from(waveform) }),
    },
  };
}
