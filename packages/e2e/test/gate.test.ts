import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, type MockInstance, vi } from "vitest";
import type { TestModule, TestSpecification, Vitest } from "vitest/node";
import TimeLimit from "../../../.ci/time-limit.ts";
import { check, closing, type Outcome, tests } from "../../../.ci/steps.ts";

const tools = fileURLToPath(new URL("../../../node_modules/.bin", import.meta.url));
const exit = (code: number) => [process.execPath, "-e", `process.exit(${code})`];

describe("the gate", () => {
  let folder: string;
  let print: MockInstance<typeof process.stdout.write>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sandi-gate-"));
    vi.stubEnv("PATH", `${tools}${delimiter}${process.env["PATH"] ?? ""}`);
    print = vi.spyOn(process.stdout, "write").mockReturnValue(true);
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

  it("names each test that failed, and a file whose tests could not start", async () => {
    const two = await run(
      "two.test.ts",
      'describe("a", () => { test("holds", () => {}); test("fails", () => { throw 1; }); });',
    );
    expect(two).toEqual({ passed: 1, failures: [expect.stringMatching(/two\.test\.ts > a fails$/)] });
    const broken = await run("broken.test.ts", "throw new Error('no');");
    expect(broken).toEqual({ passed: 0, failures: [expect.stringMatching(/broken\.test\.ts: did not get ready$/)] });
  });

  it("names a file whose hook failed", async () => {
    const text = 'describe("a", () => { beforeAll(() => { throw new Error("no"); }); test("b", () => {}); });';
    const failures = [expect.stringMatching(/hook\.test\.ts: did not get ready$/)];
    expect(await run("hook.test.ts", text)).toEqual({ passed: 0, failures });
  });

  it("ends a quick run after 90 s and names what it did not finish", () => {
    vi.useFakeTimers();
    print.mockClear();
    const cancelCurrentRun = vi.fn(() => Promise.resolve());
    const limit = new TimeLimit();
    limit.onInit({ cancelCurrentRun } as unknown as Vitest);
    limit.onTestRunStart(["/a.test.ts", "/b.test.ts"].map((moduleId) => ({ moduleId }) as TestSpecification));
    limit.onTestModuleEnd({ moduleId: "/a.test.ts" } as TestModule);
    vi.advanceTimersByTime(89_999);
    expect(cancelCurrentRun).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(cancelCurrentRun).toHaveBeenCalledOnce();
    const { exitCode } = process;
    limit.onTestRunEnd([{ state: () => "failed" } as TestModule], []);
    const afterFailure = process.exitCode;
    limit.onTestRunEnd([{ state: () => "passed" } as TestModule], []);
    const otherwise = process.exitCode;
    process.exitCode = exitCode;
    vi.useRealTimers();
    expect([afterFailure, otherwise]).toEqual([1, 0]);
    const written = print.mock.calls.map(([line]) => String(line)).join("");
    expect(written).toMatch(/left out for lack of time: .*b\.test\.ts/);
    expect(written).not.toContain("a.test.ts");
  });

  it("does not hold when Vitest finds no test", async () => {
    const none = await tests("tests", [`--root=${folder}`, "none.test.ts"]);
    expect(none).toEqual({ passed: 0, failures: ["tests: see its lines above"] });
  });
});
