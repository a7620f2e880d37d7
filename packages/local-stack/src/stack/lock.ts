import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Locks a data folder for this process and returns the function that unlocks it. Two stacks on one folder would take each
 * other's sessions. Rejects when another process has the lock, and names it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "stack.pid");
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: "wx" });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = Number(await readFile(file, "utf8").catch(() => ""));
    if (runs(owner)) {
      throw new Error(
        `${folder} is in use by a stack that runs already (process ${owner}). Stop it, or start another one with "--data FOLDER --port N"`,
      );
    }
    // The owner was killed and left the file.
    await rm(file, { force: true });
  }
}

function runs(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
