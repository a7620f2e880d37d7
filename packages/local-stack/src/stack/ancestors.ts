import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

interface Process {
  parent: number;
  command: string;
  isAlive: boolean;
}

/**
 * The processes from our parent up to the npm that started us. npm, pnpm and shells do not forward every signal: when one
 * of them has ended, the stack must stop.
 */
export async function startedBy(pid: number): Promise<number[]> {
  const line: number[] = [];
  let upToNpm = 1;
  for (let each = pid; each > 1;) {
    const found = await look(each);
    if (!found) break;
    line.push(each);
    if (/\bnpm\b/.test(found.command)) upToNpm = line.length;
    each = found.parent;
  }
  return line.slice(0, upToNpm);
}

/** True when every process runs. */
export async function allRun(pids: number[]): Promise<boolean> {
  const found = await Promise.all(pids.map(look));
  return found.every((each) => each?.isAlive ?? false);
}

async function look(pid: number): Promise<Process | undefined> {
  try {
    if (process.platform !== "linux") return await lookWithPs(pid);
    const [stat, command] = await Promise.all(
      ["stat", "cmdline"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8")),
    );
    const [state, parent] = (stat ?? "").slice((stat ?? "").lastIndexOf(")") + 2).split(" ");
    return { parent: Number(parent), command: command ?? "", isAlive: state !== "Z" };
  } catch {
    return undefined;
  }
}

async function lookWithPs(pid: number): Promise<Process> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "ppid=,stat=,command=", "-p", String(pid)]);
  const [parent, state, ...command] = stdout.trim().split(/\s+/);
  return { parent: Number(parent), command: command.join(" "), isAlive: !state?.startsWith("Z") };
}
