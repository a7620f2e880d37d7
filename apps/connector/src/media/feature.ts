import type { Context } from "../context.ts";
import { createEdgeFiles } from "../edge-files.ts";
import type { Feature } from "../feature.ts";
import { createFolder } from "./folder.ts";
import { createMakePreview, type MakePreview } from "./make-preview.ts";
import { createSendFile, type SendFile } from "./send-file.ts";
import { createStoreInbound, type StoreInboundMedia } from "./store-inbound.ts";

/** The files of messages, in both directions. */
export interface Media {
  sendFile: SendFile;
  makePreview: MakePreview;
  storeInboundMedia: StoreInboundMedia;
}

export function openMedia({ config, services }: Context): Media & Feature {
  const files = createEdgeFiles(config, services);
  const folder = createFolder(config.mediaFolder);
  return {
    sendFile: createSendFile({ services, files, folder, ffmpeg: config.ffmpegPath }),
    makePreview: createMakePreview({ files, folder }),
    storeInboundMedia: createStoreInbound({ files }),
    sweeps: [{ name: "media", run: async (isStart) => isStart && folder.sweep() }],
  };
}
