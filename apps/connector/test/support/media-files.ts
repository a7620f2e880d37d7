import { fileURLToPath } from "node:url";

/** The path of a small file that ffmpeg made: 3 s of a test picture, or 2 s of a tone. */
export const mediaFile = (name: string): string => fileURLToPath(new URL(`../media/${name}`, import.meta.url));
