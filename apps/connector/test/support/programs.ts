import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A program in place of ffmpeg, which notes its arguments. */
export async function programOf(
  folder: string,
  name: string,
  script: string,
): Promise<{ program: string; calls: () => Promise<string[]> }> {
  const program = join(folder, name);
  const calls = `${program}.calls`;
  await writeFile(program, `#!/bin/sh\necho "$@" >> '${calls}'\n${script}\n`);
  await chmod(program, 0o700);
  return { program, calls: async () => (await readFile(calls, "utf8")).trim().split("\n") };
}
