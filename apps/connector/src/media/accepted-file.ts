import { createHash } from "node:crypto";
import { maxMediaBytes, type SealedMedia } from "@sandi/contracts";
import type { EdgeFiles } from "../edge-files.ts";
import { MediaFailed } from "./failed.ts";

const anotherFile = () => new MediaFailed("media_unavailable", "the edge has another file");

/** The file at the edge. Reading it throws `MediaFailed` unless it is the one that the message was accepted with. */
export async function acceptedFile(files: EdgeFiles, media: SealedMedia): Promise<AsyncIterable<Uint8Array>> {
  const { mediaId, sizeBytes, sha256 } = media;
  if (sizeBytes > maxMediaBytes) throw new MediaFailed("media_refused", "the file is too large");
  const answer = await files.read(mediaId);
  if (!answer) throw new MediaFailed("media_unavailable", "the edge does not have the file");
  return (async function* checked() {
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > sizeBytes) throw anotherFile();
      hash.update(chunk);
      yield chunk;
    }
    if (size !== sizeBytes || hash.digest("hex") !== sha256) throw anotherFile();
  })();
}
