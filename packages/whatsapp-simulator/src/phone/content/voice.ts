import { z } from "zod";
import { isViewOnce, type MediaKind, present, seconds } from "./media.ts";

const fields = z.object({
  isViewOnce,
  seconds,
  /** Loudness from 0 to 100, at 64 places. */
  waveform: z.array(z.number().int().min(0).max(100)).max(64).optional(),
});

export const voice: MediaKind<typeof fields> = {
  type: "audio",
  mimeType: "audio/ogg; codecs=opus",
  fields,
  read({ audioMessage: part }) {
    if (!part?.ptt) return undefined;
    const waveform = part.waveform?.length ? [...part.waveform] : undefined;
    return { part, shown: { text: "", media: present({ seconds: part.seconds, waveform }) } };
  },
  write: ({ isViewOnce: viewOnce = false, seconds: length, waveform }, part) => ({
    audioMessage: {
      ...part,
      ptt: true,
      ...present({ seconds: length, viewOnce, waveform: waveform && Uint8Array.from(waveform) }),
    },
  }),
};
