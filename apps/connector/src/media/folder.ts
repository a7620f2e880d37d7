import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createTurns } from "./turns.ts";

/** The files that are on their way. Each transfer has a folder of its own, which is deleted when it is over. */
export interface Folder {
  /** Runs work with a new folder. At most four run at a time; others wait. */
  use<T>(work: (folder: string) => Promise<T>): Promise<T>;
  /** Deletes what a process that was killed left behind. */
  sweep(): Promise<void>;
}

/** With the largest file each holds twice 95 MiB on the disk. */
const mostTransfers = 4;

export function createFolder(path: string): Folder {
  const inTurn = createTurns(mostTransfers);
  return {
    use: (work) =>
      inTurn(async () => {
        await mkdir(path, { recursive: true, mode: 0o700 });
        const folder = await mkdtemp(join(path, "transfer-"));
        try {
          return await work(folder);
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      }),
    sweep: () => rm(path, { recursive: true, force: true }),
  };
}
