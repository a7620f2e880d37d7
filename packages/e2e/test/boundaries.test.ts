import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const depcruise = join(root, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs");
const oxlint = join(root, "node_modules/oxlint/bin/oxlint");

interface Report {
  summary: { totalCruised: number; violations: { rule: { name: string }; from: string; to: string }[] };
}

async function cruise(folder: string): Promise<Report["summary"]> {
  const { stdout } = await run(
    process.execPath,
    [depcruise, "apps", "packages", "--config", ".dependency-cruiser.cjs", "--output-type", "json"],
    { cwd: folder, maxBuffer: 64_000_000 },
  ).catch((error: { stdout: string }) => error);
  return (JSON.parse(stdout) as Report).summary;
}

describe("who may import whom", () => {
  it("holds in the whole repository, and the tool has really seen it", async () => {
    const { totalCruised, violations } = await cruise(root);
    expect(violations).toEqual([]);
    expect(totalCruised).toBeGreaterThan(100);
  });

  describe("planted violations", () => {
    let folder: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "sandi-boundaries-"));
      for (const file of [".dependency-cruiser.cjs", ".oxlintrc.json", "tsconfig.base.json"]) {
        await cp(join(root, file), join(folder, file));
      }
    });
    afterAll(() => rm(folder, { recursive: true }));

    async function plant(file: string, line: string, target?: string): Promise<void> {
      for (const top of ["apps", "packages"]) await mkdir(join(folder, top), { recursive: true });
      for (const [path, text] of [
        [file, line],
        ...(target ? [[target, "export const planted = 1;\n"]] : []),
      ] as const) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), text);
      }
    }
    const uproot = () =>
      Promise.all(["apps", "packages"].map((each) => rm(join(folder, each), { recursive: true, force: true })));

    it.each([
      ["edge-imports", "apps/edge/src/a.ts", "../../connector/src/b.ts", "apps/connector/src/b.ts"],
      ["connector-imports", "apps/connector/src/a.ts", "../../edge/src/b.ts", "apps/edge/src/b.ts"],
      [
        "connector-imports",
        "apps/connector/src/a.ts",
        "../../../packages/local-stack/src/b.ts",
        "packages/local-stack/src/b.ts",
      ],
      ["no-two-way-rooms", "apps/connector/src/session/a.ts", "../jobs/b.ts", "apps/connector/src/jobs/b.ts"],
      ["no-two-way-rooms", "apps/connector/src/unlisted/a.ts", "../store/b.ts", "apps/connector/src/store/b.ts"],
      ["contracts-imports", "packages/contracts/src/a.ts", "../../crypto/src/b.ts", "packages/crypto/src/b.ts"],
      ["crypto-imports", "packages/crypto/src/a.ts", "../../contracts/src/b.ts", "packages/contracts/src/b.ts"],
      ["libsql-imports", "packages/libsql/src/a.ts", "../../crypto/src/b.ts", "packages/crypto/src/b.ts"],
      ["tracing-imports", "packages/tracing/src/a.ts", "../../crypto/src/b.ts", "packages/crypto/src/b.ts"],
      [
        "whatsapp-simulator-imports",
        "packages/whatsapp-simulator/src/a.ts",
        "../../crypto/src/b.ts",
        "packages/crypto/src/b.ts",
      ],
      ["local-stack-imports", "packages/local-stack/src/a.ts", "../../../apps/edge/src/b.ts", "apps/edge/src/b.ts"],
      ["baileys-in-its-rooms", "apps/connector/src/jobs/a.ts", "@whiskeysockets/baileys", undefined],
      ["baileys-in-its-rooms", "apps/connector/src/jobs/a.ts", "libsignal", undefined],
      ["contracts-imports-zod-only", "packages/contracts/src/a.ts", "jose", undefined],
      ["no-node-at-the-edge", "apps/edge/src/a.ts", "node:fs", undefined],
      ["no-node-at-the-edge", "packages/crypto/src/a.ts", "node:crypto", undefined],
      [
        "node-crypto-at-the-connector",
        "apps/edge/src/a.ts",
        "../../../packages/crypto/src/node/b.ts",
        "packages/crypto/src/node/b.ts",
      ],
      ["no-node-at-the-edge", "packages/tracing/src/a.ts", "node:perf_hooks", undefined],
      ["no-circles", "packages/crypto/src/a.ts", "./a.ts", undefined],
    ])("%s: %s may not import %s", async (rule, file, specifier, target) => {
      await plant(file, `import * as planted from "${specifier}";\nconsole.log(planted);\n`, target);
      try {
        const { violations } = await cruise(folder);
        expect(violations.map((each) => each.rule.name)).toContain(rule);
      } finally {
        await uproot();
      }
    });

    it.each([
      ["apps/edge/src/a.ts", "console.log(process.env);"],
      ["apps/edge/src/a.ts", "console.log(Buffer.from([]));"],
      ["packages/crypto/src/a.ts", "console.log(process.env);"],
      ["packages/contracts/src/a.ts", "console.log(Buffer.from([]));"],
      ["packages/tracing/src/a.ts", "console.log(process.hrtime());"],
    ])("the linter refuses Node's globals: %s, %s", async (file, line) => {
      await plant(file, `${line}\n`);
      try {
        const { stdout } = await run(process.execPath, [oxlint, "apps", "packages"], { cwd: folder }).catch(
          (error: { stdout: string }) => error,
        );
        expect(stdout).toContain("no-restricted-globals");
      } finally {
        await uproot();
      }
    });
  });
});
