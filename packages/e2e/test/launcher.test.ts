import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { createServer as createHttpServer, type IncomingHttpHeaders } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { delimiter, dirname } from "node:path";
import { promisify } from "node:util";
import type { Media, Session, Verification, VerificationList, WebhookList, Workspace } from "@sandi/contracts";
import { isFromSandi } from "@sandi/examples/webhooks/verify-on-node";
import { type Local, randomPorts } from "@sandi/local-stack";
import { startSimulator } from "@sandi/whatsapp-simulator";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { codeIn } from "../src/code.ts";
import { eventually } from "../src/harness.ts";
import { launched, type Launcher, startLauncher } from "../src/launcher.ts";

const pathWithNode = `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`;

describe("npm start", () => {
  let folder: string;
  let port: number;
  const running = new Set<Launcher>();

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sandi-launcher-"));
    port = (await randomPorts()).edge;
  });
  afterEach(async () => {
    for (const { process: child, exited } of running) {
      child.kill("SIGTERM");
      await exited;
    }
    running.clear();
    await rm(folder, { recursive: true, force: true });
  });

  function launch(args: string[] = [], env: Record<string, string> = {}): Launcher {
    const launcher = startLauncher({ folder, port, args, env });
    running.add(launcher);
    void launcher.exited.then(() => running.delete(launcher));
    return launcher;
  }

  const ready = (launcher: Launcher) => launched(launcher, folder);

  /** A media host of the simulated WhatsApp, after a request to it by the certificates that the connector is given. */
  async function trustedHost(local: Local): Promise<{ host: string; ca: string }> {
    const health = (await (await fetch(`${local.simulatorUrl}/health`)).json()) as { mediaHosts: string[] };
    const [host = ""] = health.mediaHosts;
    const ca = await readFile(join(folder, "simulator", "trusted.pem"), "utf8");
    const status = await new Promise((resolve, reject) => {
      const asked = request(`https://${host}/`, { ca }, (response) => resolve(response.statusCode));
      asked.once("error", reject).end();
    });
    expect(status).toBe(404);
    return { host, ca };
  }

  it("verifies an OTP by itself, leaves nothing behind, and comes back with the same session linked", async () => {
    const first = launch();
    const local = await ready(first);
    expect(first.output()).toMatch(/ms {2}code checked: approved/);
    expect((await stat(join(folder, "local.json"))).mode & 0o777).toBe(0o600);
    expect(Object.keys(local).toSorted()).toEqual(
      [
        "apiKey",
        "testApiKey",
        "apiUrl",
        "dashboard",
        "sessionId",
        "simulatorUrl",
        "userPhone",
        "workspaceId",
      ].toSorted(),
    );
    expect(await secretsIn(first.output(), folder)).toEqual([]);
    const pids = await processesNaming(folder);
    expect(pids.length).toBeGreaterThan(1);
    const trusted = await trustedHost(local);
    const file = await upload(local, "a file");

    expect(await stop(first, "SIGINT")).toBeLessThan(5_000);
    expect(await processesNaming(folder)).toEqual([]);
    for (let offset = 0; offset < 6; offset++) await (await occupy(port + offset)).free();

    const second = launch();
    const again = await ready(second);
    expect({ ...again }).toEqual({ ...local });
    // Messages of the first run name the media hosts, and connectors trust them.
    expect(await trustedHost(again)).toEqual(trusted);
    const session = await get<Session>(again, `/v1/sessions/${local.sessionId}`);
    expect(session.state).toBe("online");
    const read = await fetch(file.url);
    expect([read.status, await read.text()]).toEqual([200, "a file"]);
    expect(await secretsIn(second.output(), folder)).toEqual([]);
    const [, command = ""] = /export KEY=(.*)/.exec(second.output()) ?? [];
    const { stdout } = await promisify(execFile)("bash", ["-c", `echo "${command}"`], {
      env: { ...process.env, PATH: pathWithNode },
    });
    expect(stdout.trim()).toBe(local.apiKey);
    expect(await stop(second, "SIGTERM")).toBeLessThan(5_000);
  });

  it("with --webhook makes a webhook for an address of this machine, once, and its events are signed", async () => {
    const received: { headers: IncomingHttpHeaders; body: string }[] = [];
    const server = createHttpServer((asked, response) => {
      const chunks: Buffer[] = [];
      asked.on("data", (chunk: Buffer) => chunks.push(chunk));
      asked.on("end", () => {
        received.push({ headers: asked.headers, body: Buffer.concat(chunks).toString() });
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
      const first = launch(["--webhook", url]);
      await ready(first);
      const file = join(folder, "simulator", "webhooks.json");
      const made = JSON.parse(await readFile(file, "utf8")) as { id: string; secret: string }[];
      expect([made.length, (await stat(file)).mode & 0o777]).toEqual([1, 0o600]);
      expect(first.output()).toContain(made[0]?.id);
      // The output is no terminal.
      expect(first.output()).not.toContain(made[0]?.secret);
      await eventually("the events of the first code", async () =>
        received.some(({ body }) => (JSON.parse(body) as { type: string }).type === "verification.approved"),
      );
      for (const { headers, body } of received) {
        expect(isFromSandi(headers as Record<string, string>, body, made[0]?.secret ?? "")).toBe(true);
      }
      await stop(first, "SIGTERM");
      const local = await ready(launch(["--webhook", url]));
      const { webhooks } = await get<WebhookList>(local, "/v1/webhooks");
      expect(webhooks).toMatchObject([{ id: made[0]?.id, url, events: ["*"] }]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("makes a test key for a workspace of an earlier version, which had none", async () => {
    const first = launch();
    const { testApiKey, ...earlier } = await ready(first);
    await stop(first, "SIGTERM");
    await writeFile(join(folder, "simulator", "local.json"), JSON.stringify(earlier));

    const again = await ready(launch());
    expect(again).toEqual({ ...earlier, testApiKey: expect.stringMatching(/^sandi_test_/) as string });
    expect(again.testApiKey).not.toBe(testApiKey);
    const list = await get<VerificationList>({ ...again, apiKey: again.testApiKey }, "/v1/verifications");
    expect(list.verifications).toEqual([]);
    const workspace = await get<Workspace>(again, "/v1/workspace");
    expect(workspace).toMatchObject({
      policy: { defaultCountry: "ID", countries: ["*"] },
      quota: { keyBurst: 200_000 },
    });
  });

  it("refuses a data folder that another stack is using", async () => {
    const first = launch();
    await ready(first);
    port = (await randomPorts()).edge;
    const second = launch();
    expect(await second.exited).toBe(1);
    expect(second.output()).toContain("is in use by a stack that runs already");
    expect(first.process.exitCode).toBeNull();
  });

  it("says that a part died, starts it again, and continues", async () => {
    const launcher = launch();
    const local = await ready(launcher);
    const [connector] = await processesNaming("apps/connector/src/main.ts", launcher.process.pid);
    expect(connector).toBeDefined();
    process.kill(connector ?? 0, "SIGKILL");
    await eventually("the message about the death", async () =>
      /connector.*died \(SIGKILL\); starting again/.test(launcher.output()),
    );
    await eventually(
      "the session",
      async () => (await get<Session>(local, `/v1/sessions/${local.sessionId}`)).state === "online",
    );
  });

  it("continues with another connector when one of three dies, and leaves none behind", async () => {
    port = (await randomPorts(3)).edge;
    const launcher = launch(["--connectors", "3"]);
    const local = await ready(launcher);
    const connectors = () => processesNaming("apps/connector/src/main.ts", launcher.process.pid);
    const before = await connectors();
    expect(before).toHaveLength(3);
    process.kill(before[0] ?? 0, "SIGKILL");
    const headers = { authorization: `Bearer ${local.apiKey}`, "content-type": "application/json" };
    const body = JSON.stringify({ to: local.userPhone, purpose: "after-a-death" });
    const created = await fetch(`${local.apiUrl}/v1/verifications`, { method: "POST", headers, body });
    const { id } = (await created.json()) as Verification;
    // Through the list, for looks at one verification are limited, and a new process takes its time.
    await eventually("the code to be read", async () => {
      const { verifications } = await get<VerificationList>(local, "/v1/verifications?limit=10");
      return verifications.find((one) => one.id === id)?.delivery?.status === "read";
    });
    await eventually("three again", async () => (await connectors()).length === 3);
    expect(await stop(launcher, "SIGTERM")).toBeLessThan(5_000);
    expect(await processesNaming(folder)).toEqual([]);
  });

  it("leaves nothing behind when it is stopped before a part is ready", async () => {
    const launcher = launch([], { LOG_LEVEL: "no such level" });
    await eventually("a connector that fails", async () => /connector.*died/.test(launcher.output()));
    await stop(launcher, "SIGINT");
    expect(await processesNaming(folder)).toEqual([]);
    for (let offset = 0; offset < 6; offset++) await (await occupy(port + offset)).free();
  });

  it("names the port that is taken, and the part that needs it", async () => {
    const taken = await occupy(port + 2);
    const launcher = launch();
    expect(await launcher.exited).toBe(1);
    expect(launcher.output()).toContain(`port ${port + 2} (simulator) is taken`);
    await taken.free();
  });

  it.each([
    [["--whatsapp", "ws://192.0.2.1:9000/ws/chat"], {}, "127.0.0.1"],
    [["--whatsapp", "ws://127.0.0.1:9000/ws/chat"], {}, "WHATSAPP_ROOT_KEY"],
    [["--whatsapp", "nonsense"], {}, "nonsense"],
    [["--port", "70000"], {}, "--port"],
    [["--nonsense"], {}, "--nonsense"],
  ])("refuses %j with a sentence that says why", async (args, env, words) => {
    const launcher = launch(args, env);
    expect(await launcher.exited).not.toBe(0);
    expect(launcher.output()).toContain(words);
    expect(launcher.output()).not.toContain("    at ");
  });

  it("works against another simulated server by its URL and root key", async () => {
    const other = await startSimulator({});
    try {
      other.createPhone({ number: "+6281200000009" });
      other.createPhone({ number: "+6281200000008" });
      const launcher = launch(["--whatsapp", other.url], { WHATSAPP_ROOT_KEY: other.rootKey });
      const local = await ready(launcher);
      const qr = await eventually("a QR code", async () => {
        const answer = await fetch(`${local.apiUrl}/v1/sessions/${local.sessionId}/qr`, authorized(local));
        return answer.ok && ((await answer.json()) as { qr: string }).qr;
      });
      await eventually("the log to say so", async () => launcher.output().includes("/qr-page"));
      expect([launcher.output().includes(qr), /signature=|▄/.test(launcher.output())]).toEqual([false, false]);
      expect(await secretsIn(launcher.output(), folder)).toEqual([]);
      await other.scan("+6281200000009", qr);
      await eventually(
        "the session",
        async () => (await get<Session>(local, `/v1/sessions/${local.sessionId}`)).state === "online",
      );
      const created = await fetch(`${local.apiUrl}/v1/verifications`, {
        method: "POST",
        ...authorized(local),
        body: JSON.stringify({ to: "+6281200000008" }),
      });
      expect(created.status).toBe(202);
      const { id } = (await created.json()) as Verification;
      const code = await eventually("the code", async () =>
        codeIn(other.messages("+6281200000008").at(-1)?.text ?? ""),
      );
      const check = await fetch(`${local.apiUrl}/v1/verifications/${id}/check`, {
        method: "POST",
        ...authorized(local),
        body: JSON.stringify({ code }),
      });
      expect(check.status).toBe(200);
    } finally {
      await other.close();
    }
  });
});

async function stop(launcher: Launcher, signal: NodeJS.Signals): Promise<number> {
  const startedAt = Date.now();
  launcher.process.kill(signal);
  expect(await launcher.exited).toBe(0);
  return Date.now() - startedAt;
}

const authorized = ({ apiKey }: Local) => ({
  headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
});

async function get<T>(local: Local, path: string): Promise<T> {
  return (await (await fetch(local.apiUrl + path, authorized(local))).json()) as T;
}

/** Uploads a file; the edge keeps it in the data folder. */
async function upload(local: Local, text: string): Promise<Media> {
  const headers = { authorization: `Bearer ${local.apiKey}`, "content-type": "text/plain" };
  return (await (await fetch(`${local.apiUrl}/v1/media`, { method: "POST", headers, body: text })).json()) as Media;
}

/** Which secrets of the stack's files stand in a text: keys, tokens, passwords, also of those made by an earlier start. */
async function secretsIn(text: string, folder: string): Promise<string[]> {
  const files = (await readdir(folder, { recursive: true })).filter((name) => /(local|secrets)\.json$/.test(name));
  expect(files.length).toBeGreaterThan(2);
  const contents = await Promise.all(files.map(async (name) => readFile(join(folder, name), "utf8")));
  return contents.flatMap((content) => stringsIn(JSON.parse(content))).filter((each) => text.includes(each));
}

const notSecret = new Set(["apiUrl", "simulatorUrl", "userPhone", "workspaceId", "sessionId", "url", "email"]);

function stringsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => (notSecret.has(name) ? [] : stringsIn(each)));
}

/** Pids whose command line or environment names this; of one parent only, if given. */
async function processesNaming(text: string, parent?: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^[0-9]+$/.test(name)).map(Number);
  const named = await Promise.all(
    pids.map(async (pid) => {
      if (pid === process.pid) return [];
      const [command, environment, status] = await Promise.all(
        ["cmdline", "environ", "stat"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")),
      );
      const ppid = Number((status ?? "").split(") ").pop()?.split(" ")[1]);
      if (parent !== undefined && ppid !== parent) return [];
      return `${command}${environment}`.includes(text) ? [pid] : [];
    }),
  );
  return named.flat();
}

async function occupy(port: number): Promise<{ free: () => Promise<void> }> {
  const server = await new Promise<Server>((resolve, reject) => {
    const listening = createServer();
    listening.once("error", reject);
    listening.listen(port, "127.0.0.1", () => resolve(listening));
  });
  return { free: () => new Promise((resolve) => server.close(() => resolve())) };
}
