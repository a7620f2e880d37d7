import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Local } from "@sandi/local-stack";
import { eventually } from "./harness.ts";

const main = fileURLToPath(new URL("../../local-stack/src/main.ts", import.meta.url));

/** `npm start` without the install: the launcher as a process of its own. */
export interface Launcher {
  process: ChildProcess;
  output: () => string;
  exited: Promise<number | null>;
}

interface Start {
  folder: string;
  port: number;
  args?: readonly string[];
  env?: Record<string, string>;
}

/** Starts the launcher with its files in a folder, and its ports from one on. */
export function startLauncher({ folder, port, args = [], env = {} }: Start): Launcher {
  const child = spawn(process.execPath, [main, "--port", String(port), "--data", folder, ...args], {
    env: { ...process.env, NO_COLOR: "1", ...env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  return { process: child, output: () => output, exited };
}

/** Waits until everything runs. Answers how to reach it. */
export async function launched(launcher: Launcher, folder: string): Promise<Local> {
  await eventually(`the launcher:\n${launcher.output()}`, async () => {
    if (launcher.process.exitCode !== null) throw new Error(launcher.output());
    return launcher.output().includes("Sandi is ready");
  });
  return JSON.parse(await readFile(join(folder, "local.json"), "utf8")) as Local;
}

/** The launcher and all processes that it has started: edge, QStash, database, connectors and WhatsApp. */
export async function processesOf({ process: { pid = 0 } }: Launcher): Promise<number[]> {
  const names = (await readdir("/proc")).filter((name) => /^[0-9]+$/.test(name));
  const parents = new Map(
    await Promise.all(
      names.map(async (name) => {
        const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
        return [Number(name), Number(stat.split(") ").pop()?.split(" ")[1])] as const;
      }),
    ),
  );
  const found = [pid];
  for (const each of found) for (const [child, parent] of parents) if (parent === each) found.push(child);
  return found;
}

/** The process that the launcher has started whose command holds this text. It may be starting again. */
export const processOf = (launcher: Launcher, text: string): Promise<number> =>
  eventually(`a process with ${text} in its command`, async () => {
    for (const pid of (await processesOf(launcher)).slice(1)) {
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (command.includes(text)) return pid;
    }
    return undefined;
  });
