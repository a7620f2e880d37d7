import { FetchMediaRpc } from "@sandi/contracts";
import type { FetchFiles } from "../inbound/fetch-files.ts";
import { handle, type HandledRpc } from "./handle.ts";

/** The calls about files. */
export const mediaCalls = (files: Pick<FetchFiles, "now">): HandledRpc[] => [
  handle(FetchMediaRpc, async ({ live, input: { messageId }, refuse }) => {
    const media = await files.now(live, messageId);
    if (typeof media === "string") throw refuse(media);
    return { media };
  }),
];
