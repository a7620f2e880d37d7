import { z } from "zod";
import { MessageId, SessionId } from "../../ids.ts";
import { MediaState } from "../../api/message-media.ts";
import { defineRpc } from "./rpc.ts";

/** A file as its message describes it, and how far its fetch is. The other fields have no limits: phones write what they like. */
export const FetchedMedia = z.looseObject({
  mediaId: z.string().nullable(),
  mediaState: MediaState,
});

/**
 * Fetches the file of a message, whose file the edge does not have. Answers when the fetch has ended, or after three seconds
 * that it is `pending`: then it goes on. A call meanwhile joins it.
 */
export const FetchMediaRpc = defineRpc({
  path: "/rpc/messages/media",
  request: z.strictObject({ sessionId: SessionId, messageId: MessageId }),
  response: z.object({ media: FetchedMedia }),
  errors: ["session-not-online", "media-not-found", "media-download-off"],
});
