import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { check, closing, type Outcome, tests } from "../../../.ci/steps.ts";

const tools = fileURLToPath(new URL("../../../node_modules/.bin", import.meta.url));
const exit = (code: number) => [process.execPath, "-e", `process.exit(${code})`];

describe("the gate", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sandi-gate-"));
    vi.stubEnv("PATH", `${tools}${delimiter}${process.env["PATH"] ?? ""}`);
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });

  async function run(file: string, text: string): Promise<Outcome> {
    await writeFile(join(folder, file), text);
    return tests("tests", [`--root=${folder}`, "--globals", file]);
  }

  it("ends with the names of the checks that failed, and the closing line", async () => {
    const outcomes = [
      await check("format", exit(0)),
      await check("types", exit(1)),
      await check("no such tool", ["no-such-tool"]),
      await check("bundle", exit(0), () => false),
    ];
    expect(closing(outcomes)).toEqual([
      "failed: types",
      "failed: no such tool",
      "failed: bundle",
      "1 passed, 3 failed",
    ]);
  });

  it("names each test that failed, and a file that does not load", async () => {
    const two = await run(
      "two.test.ts",
      'describe("a", () => { test("holds", () => {}); test("fails", () => { throw 1; }); });',
    );
    expect(two).toEqual({ passed: 1, failures: [expect.stringMatching(/two\.test\.ts > a fails$/)] });
    const broken = await run("broken.test.ts", "throw new Error();");
    expect(broken).toEqual({ passed: 0, failures: [expect.stringMatching(/broken\.test\.ts: did not load$/)] });
  });

  it("does not hold when Vitest finds no test", async () => {
    const none = await tests("tests", [`--root=${folder}`, "none.test.ts"]);
    expect(none).toEqual({ passed: 0, failures: ["tests: see its lines above"] });
  });
});
