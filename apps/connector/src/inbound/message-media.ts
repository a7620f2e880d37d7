import type { MediaState } from "@sandi/contracts";
import type { ReceivedMedia } from "../content/media.ts";
import type { Download } from "../store/downloads.ts";
import type { MessageBody } from "./context.ts";

/** How far the fetch of a file is. */
interface Fetched {
  mediaId: string | null;
  mediaState: MediaState;
}

/** Of a message that was sent through the API: its sender has the file. */
export const ofApi: Fetched = { mediaId: null, mediaState: "not_fetched" };

/** A content with a file, with where that is. */
export const withMedia = <Content extends { media: ReceivedMedia }>(content: Content, fetched: Fetched) => ({
  ...content,
  media: { ...fetched, ...content.media },
});

/** The content of a received message, with where its file is. */
export const withDownload = ({ content, file }: MessageBody, download: Download | undefined) =>
  "media" in content ? withMedia(content, fetchedOf(file, download)) : content;

/** A message without a download has a file that cannot be fetched. */
export function fetchedOf(file: MessageBody["file"], download: Download | undefined): Fetched {
  if (!file || !download) return { mediaId: null, mediaState: "unavailable" };
  return { mediaId: download.mediaId, mediaState: download.state };
}
