import { MessageId, MessageMedia } from "@sandi/contracts";
import { z } from "zod";
import { accepted, ok } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { mediaFetchLimits } from "../rate-limits/named.ts";
import { fetchFile } from "./fetch-file.ts";

export const fetchFileOperation = operation({
  id: "fetchMessageMedia",
  method: "post",
  path: "/v1/messages/{id}/media",
  scope: "message:read",
  live: true,
  idempotent: "secret",
  summary: "Fetch a message's file",
  description:
    "Stores the file of a received message now, if it is not stored: for sessions whose `mediaDownload` is `onDemand`, for files that could not be fetched before, and for deleted ones. If WhatsApp's hosts have an old file no more, the phone is asked to upload it again. The answer waits for 13 seconds at most: 202 has a `pending` file, whose fetch goes on. Repeat the request, or wait for the event `message.media`. A stored file is answered at once.",
  params: z.object({ id: MessageId }),
  limits: mediaFetchLimits,
  answers: ok(MessageMedia, "The file, or why it cannot be fetched."),
  orAnswers: accepted(MessageMedia, "It is still being fetched."),
  throws: ["media-not-found", "session-not-online", "media-download-off", "connector-unavailable"],
  handle: async (ctx, { params }, c) => {
    const media = await fetchFile(ctx, params.id);
    return media.mediaState === "pending" ? c.json(media, 202) : media;
  },
});
