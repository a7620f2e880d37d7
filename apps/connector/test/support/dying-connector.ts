import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { until } from "./fake-edge.ts";
import { newId, qrOf, type Rig } from "./rig.ts";

const dying = fileURLToPath(new URL("dying.ts", import.meta.url));

/** The connector of a rig as a process of its own, which kills itself at a point of its work. */
export function dyingConnector(rig: () => Rig) {
  let child: { process: ChildProcess; exited: Promise<void> } | undefined;

  /** Answers when the process has ended. */
  function start(diesAt: string): Promise<void> {
    const env = { PATH: process.env["PATH"], ...rig().environment, LOG_LEVEL: "silent", DIES_AT: diesAt };
    const started = spawn(process.execPath, [dying], { env, stdio: "ignore" });
    const exited = new Promise<void>((resolve) => started.once("exit", () => resolve()));
    child = { process: started, exited };
    return exited;
  }

  async function kill(): Promise<void> {
    child?.process.kill("SIGKILL");
    await child?.exited;
    child = undefined;
  }

  /** Links a phone in a life of its own, and answers the session. */
  async function pair(number: string): Promise<string> {
    const paired = start("");
    const sessionId = newId("ses");
    await until("it is up", () =>
      rig()
        .setDesiredState({ sessionId })
        .then((status) => status === 200)
        .catch(() => false),
    );
    await rig().simulator.scan(number, await until("a QR code is shown", () => qrOf(rig(), sessionId)));
    await until("it is online", () => rig().edge.statesOf(sessionId).at(-1) === "online");
    await kill();
    await paired;
    return sessionId;
  }

  return { start, kill, pair };
}
