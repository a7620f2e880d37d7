import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runFfmpeg } from "../src/media/ffmpeg.ts";
import { programOf } from "./support/programs.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sandi-ffmpeg-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("ffmpeg", () => {
  test("is killed when its time is over, whatever it does with signals", async () => {
    const { program } = await programOf(folder, "slow", "trap '' TERM INT; exec sleep 600");
    expect(await runFfmpeg(program, [], { timeoutMs: 200 })).toBe(1);
  });

  test("sees nothing of the connector's environment but a path", async () => {
    process.env["STORE_KEYS"] = "k1:secret";
    const { program } = await programOf(folder, "nosy", 'echo "keys=$STORE_KEYS path=$PATH"');
    let output = "";
    const onOutput = (chunk: Buffer) => (output += chunk.toString());
    expect(await runFfmpeg(program, [], { timeoutMs: 60_000, onOutput })).toBe(0);
    delete process.env["STORE_KEYS"];
    expect(output.trim()).toBe("keys= path=/usr/local/bin:/usr/bin:/bin");
  });

  test("that is not installed has no exit code", async () => {
    expect(await runFfmpeg("/none/ffmpeg", [], { timeoutMs: 60_000 })).toBeNull();
  });
});
