import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Simulator } from "../src/index.ts";
import { newWorld } from "./support/world.ts";

const file = randomBytes(300_000);
const tokenOf = (bytes: Buffer) => createHash("sha256").update(bytes).digest("base64url");

const present = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("sandi-whatsapp-media-"));

interface Call {
  method?: string;
  host?: number;
  body?: Buffer | AsyncIterable<Buffer>;
  headers?: Record<string, string>;
}

/** Asks a media host as a companion does. */
async function ask({ media }: Simulator, path: string, { method = "GET", host = 0, body, headers = {} }: Call = {}) {
  const [hostname, port] = media.hosts[host]!.split(":");
  const agent = new Agent({ ca: media.certificate });
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }>((resolve, reject) => {
    // The certificate is of localhost, whatever the Host header says.
    const options = { hostname, port, path, method, headers, agent, servername: "localhost" };
    const asked = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

const uploadPath = ({ media }: Simulator, token: string) =>
  `/mms/document/${token}?auth=${encodeURIComponent(media.auth)}&token=${token}`;

async function uploaded(simulator: Simulator): Promise<{ url: string; direct_path: string }> {
  const answer = await ask(simulator, uploadPath(simulator, tokenOf(file)), { method: "POST", body: file });
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body.toString()) as { url: string; direct_path: string };
}

describe("media hosts", () => {
  it("take a file and give it back on both, whole and in parts, under a path with a query", async () => {
    const simulator = await newWorld();
    const { url, direct_path: path } = await uploaded(simulator);
    expect(url).toContain(`https://${simulator.media.hosts[0]}/v/`);
    expect(path).toMatch(/^\/v\/t62\.7118-24\/.+\.enc\?ccb=/);
    for (const host of [0, 1]) expect((await ask(simulator, path, { host })).body.equals(file)).toBe(true);
    // As clients ask that only know the path: by the name of WhatsApp's own host.
    const named = await ask(simulator, path, { headers: { host: "mmg.whatsapp.net" } });
    expect(named.body.equals(file)).toBe(true);
    const part = await ask(simulator, path, { headers: { range: "bytes=16-31" } });
    expect(part).toMatchObject({ status: 206, headers: { "content-range": `bytes 16-31/${file.length}` } });
    expect(part.body.equals(file.subarray(16, 32))).toBe(true);
    const end = await ask(simulator, path, { headers: { range: "bytes=-10" } });
    expect(end.body.equals(file.subarray(-10))).toBe(true);
    expect(await ask(simulator, path, { headers: { range: "bytes=300000-" } })).toMatchObject({ status: 416 });
  });

  it("check the token, the auth and the place, and say whether an upload is complete", async () => {
    const simulator = await newWorld();
    const token = tokenOf(file);
    const path = uploadPath(simulator, token);
    const post = async (to: string, body: Buffer = file) => (await ask(simulator, to, { method: "POST", body })).status;
    expect(await post(path.replace(/auth=[^&]+/, "auth=other"))).toBe(401);
    expect(await post(path.replace(`token=${token}`, `token=${tokenOf(Buffer.from("x"))}`))).toBe(400);
    expect(await post(path, file.subarray(1))).toBe(400);
    expect(await post(path.replace("/document/", "/secret/"))).toBe(404);
    const resume = async () =>
      JSON.parse((await ask(simulator, `${path}&resume=1`, { method: "POST" })).body.toString());
    expect(await resume()).toEqual({ resume: 0 });
    const place = await uploaded(simulator);
    expect(await resume()).toEqual({ resume: "complete", ...place });
    expect(await ask(simulator, place.direct_path, { method: "PUT" })).toMatchObject({ status: 405 });
    expect(simulator.media.requests.at(-1)).toMatchObject({ method: "PUT", path: place.direct_path });
  });

  it("refuse a file of more than 100 MiB while it comes, and keep nothing of it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "simulator-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const simulator = await newWorld({ stateFile: join(folder, "whatsapp.json") });
    const chunk = Buffer.alloc(1024 * 1024);
    const body = Buffer.concat(Array.from({ length: 101 }, () => chunk));
    const answer = await ask(simulator, uploadPath(simulator, tokenOf(body)), { method: "POST", body }).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(answer === "EPIPE" || answer === "ECONNRESET" || (answer as { status: number }).status === 413).toBe(true);
    expect(await readdir(join(folder, "whatsapp-media", "encrypted"))).toEqual([]);
  });

  it("are the same hosts with the same files after a restart", async () => {
    const folder = await mkdtemp(join(tmpdir(), "simulator-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const stateFile = join(folder, "whatsapp.json");
    const before = await newWorld({ stateFile });
    const { direct_path: path } = await uploaded(before);
    const { hosts, certificate } = before.media;
    await before.close();
    const after = await newWorld({ stateFile });
    expect(after.media).toMatchObject({ hosts, certificate });
    expect((await ask(after, path)).body.equals(file)).toBe(true);
  });

  it("delete the temporary files when the simulator closes", async () => {
    const others = new Set(await present());
    const simulator = await newWorld();
    await uploaded(simulator);
    const own = (await present()).filter((name) => !others.has(name));
    expect(own.length).toBeGreaterThan(0);
    await simulator.close();
    const left = new Set(await present());
    expect(own.filter((name) => !left.has(name)).length).toBeGreaterThan(0);
  });

  it.each([
    ["tampered", (body: Buffer) => body[0] !== file[0] && body.subarray(1).equals(file.subarray(1))],
    ["wrong-mac", (body: Buffer) => body[file.length - 10] !== file.at(-10) && body[0] === file[0]],
    ["truncated", (body: Buffer) => body.length < file.length && body.equals(file.subarray(0, body.length))],
  ] as const)("bring a %s file on purpose, as often as the fault wants", async (how, fits) => {
    const simulator = await newWorld();
    const { direct_path: path } = await uploaded(simulator);
    simulator.setFault({ kind: "media-damaged", how, times: 1 });
    expect(fits((await ask(simulator, path)).body)).toBe(true);
    expect((await ask(simulator, path)).body.equals(file)).toBe(true);
  });

  it("are down, alone or both, refuse downloads and uploads, and are slow, on purpose", async () => {
    const waits: number[] = [];
    const simulator = await newWorld({
      schedule: (run, afterMs) => {
        waits.push(afterMs);
        const soon = setImmediate(run);
        return () => clearImmediate(soon);
      },
    });
    const { direct_path: path } = await uploaded(simulator);
    const down = simulator.setFault({ kind: "media-down", host: 1 });
    await expect(ask(simulator, path)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await ask(simulator, path, { host: 1 })).toMatchObject({ status: 200 });
    simulator.clearFaults(down.id);
    simulator.setFault({ kind: "media-down", by: "companion" });
    await expect(ask(simulator, path, { host: 1 })).rejects.toMatchObject({ code: "ECONNRESET" });
    simulator.clearFaults();
    simulator.setFault({ kind: "media-error", status: 410, times: 1 });
    simulator.setFault({ kind: "media-error", status: 507, at: "upload", times: 1 });
    const post = () => ask(simulator, uploadPath(simulator, tokenOf(file)), { method: "POST", body: file });
    expect(await post()).toMatchObject({ status: 507 });
    expect(await ask(simulator, path)).toMatchObject({ status: 410 });
    expect(await ask(simulator, path)).toMatchObject({ status: 200 });
    simulator.setFault({ kind: "media-slow-upload", ms: 12_345 });
    expect(await post()).toMatchObject({ status: 200 });
    expect(waits).toContain(12_345);
  });
});
