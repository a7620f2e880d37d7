import { setTimeout as sleep } from "node:timers/promises";

/** The environment of a Node process whose inspector is opened when its heap is measured. */
export const inspectable = (port: number) => ({ NODE_OPTIONS: `--inspect-port=127.0.0.1:${port}` });

const openWithinMs = 20_000;

/** The live heap of a process after a garbage collection, in megabytes. */
export async function liveHeapMb(pid: number, port: number): Promise<number> {
  process.kill(pid, "SIGUSR1");
  const socket = new WebSocket(await inspectorOf(port));
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", () => reject(new Error("the inspector does not answer")), { once: true });
  });
  try {
    await ask(socket, "HeapProfiler.collectGarbage");
    const { usedSize } = await ask<{ usedSize: number }>(socket, "Runtime.getHeapUsage");
    return usedSize / 1024 ** 2;
  } finally {
    socket.close();
  }
}

async function inspectorOf(port: number): Promise<string> {
  for (const deadline = Date.now() + openWithinMs; ; await sleep(50)) {
    try {
      const [target] = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
        webSocketDebuggerUrl: string;
      }[];
      if (target) return target.webSocketDebuggerUrl;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

let asked = 0;

function ask<Result>(socket: WebSocket, method: string): Promise<Result> {
  const id = ++asked;
  return new Promise((resolve, reject) => {
    socket.addEventListener("close", () => reject(new Error("the process has ended")), { once: true });
    socket.addEventListener("message", ({ data }) => {
      const answer = JSON.parse(String(data)) as { id?: number; result: Result };
      if (answer.id === id) resolve(answer.result);
    });
    socket.send(JSON.stringify({ id, method }));
  });
}
