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

/** A file that breaks a rule, by an import of a module or of another file. */
type Planted = [rule: string, file: string, specifier: string, target?: string];

const imports: Planted[] = [
  ["edge-imports", "apps/edge/src/a.ts", "../../connector/src/target.ts", "apps/connector/src/target.ts"],
  ["connector-imports", "apps/connector/src/a.ts", "../../edge/src/target.ts", "apps/edge/src/target.ts"],
  [
    "connector-imports",
    "apps/connector/src/b.ts",
    "../../../packages/local-stack/src/target.ts",
    "packages/local-stack/src/target.ts",
  ],
  ["no-two-way-rooms", "apps/edge/src/sessions/a.ts", "../messages/target.ts", "apps/edge/src/messages/target.ts"],
  ["no-two-way-rooms", "apps/edge/src/unlisted/a.ts", "../db/target.ts", "apps/edge/src/db/target.ts"],
  ["no-two-way-rooms", "apps/connector/src/session/a.ts", "../jobs/target.ts", "apps/connector/src/jobs/target.ts"],
  ["no-two-way-rooms", "apps/connector/src/unlisted/a.ts", "../store/target.ts", "apps/connector/src/store/target.ts"],
  ["contracts-imports", "packages/contracts/src/a.ts", "../../crypto/src/target.ts", "packages/crypto/src/target.ts"],
  ["crypto-imports", "packages/crypto/src/a.ts", "../../contracts/src/target.ts", "packages/contracts/src/target.ts"],
  ["libsql-imports", "packages/libsql/src/a.ts", "../../crypto/src/target.ts", "packages/crypto/src/target.ts"],
  ["tracing-imports", "packages/tracing/src/a.ts", "../../crypto/src/target.ts", "packages/crypto/src/target.ts"],
  [
    "whatsapp-simulator-imports",
    "packages/whatsapp-simulator/src/a.ts",
    "../../crypto/src/target.ts",
    "packages/crypto/src/target.ts",
  ],
  [
    "local-stack-imports",
    "packages/local-stack/src/a.ts",
    "../../../apps/edge/src/target.ts",
    "apps/edge/src/target.ts",
  ],
  ["baileys-in-its-rooms", "apps/connector/src/jobs/a.ts", "@whiskeysockets/baileys"],
  ["baileys-in-its-rooms", "apps/connector/src/jobs/b.ts", "libsignal"],
  ["contracts-imports-zod-only", "packages/contracts/src/b.ts", "jose"],
  ["no-node-at-the-edge", "apps/edge/src/b.ts", "node:fs"],
  ["no-node-at-the-edge", "packages/crypto/src/b.ts", "node:crypto"],
  [
    "node-crypto-at-the-connector",
    "apps/edge/src/c.ts",
    "../../../packages/crypto/src/node/target.ts",
    "packages/crypto/src/node/target.ts",
  ],
  ["no-node-at-the-edge", "packages/tracing/src/b.ts", "node:perf_hooks"],
  ["no-circles", "packages/crypto/src/c.ts", "./c.ts"],
];

const globals = [
  ["apps/edge/src/global-a.ts", "console.log(process.env);"],
  ["apps/edge/src/global-b.ts", "console.log(Buffer.from([]));"],
  ["packages/crypto/src/global-a.ts", "console.log(process.env);"],
  ["packages/contracts/src/global-a.ts", "console.log(Buffer.from([]));"],
  ["packages/tracing/src/global-a.ts", "console.log(process.hrtime());"],
] as const;

describe("the rooms' imports", () => {
  it("holds in the whole repository, and the tool has really seen it", async () => {
    const { totalCruised, violations } = await cruise(root);
    expect(violations).toEqual([]);
    expect(totalCruised).toBeGreaterThan(100);
  });

  describe("planted violations", () => {
    let folder: string;
    let violations: Report["summary"]["violations"];
    let objections: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "sandi-boundaries-"));
      for (const file of [".dependency-cruiser.cjs", ".oxlintrc.json", "tsconfig.base.json"]) {
        await cp(join(root, file), join(folder, file));
      }
      for (const [, file, specifier, target] of imports) {
        await plant(file, `import * as planted from "${specifier}";\nconsole.log(planted);\n`);
        if (target) await plant(target, "export const planted = 1;\n");
      }
      for (const [file, line] of globals) await plant(file, `${line}\n`);
      ({ violations } = await cruise(folder));
      const linted = await run(process.execPath, [oxlint, "--format=unix", "apps", "packages"], { cwd: folder }).catch(
        (error: { stdout: string }) => error,
      );
      objections = linted.stdout;
    });
    afterAll(() => rm(folder, { recursive: true }));

    async function plant(file: string, text: string): Promise<void> {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), text);
    }

    it.each(imports)("%s: %s may not import %s", (rule, file) => {
      expect(violations.filter(({ from }) => from === file).map((each) => each.rule.name)).toContain(rule);
    });

    it.each(globals)("the linter refuses Node's globals: %s, %s", (file) => {
      const lines = objections.split("\n").filter((line) => line.startsWith(`${file}:`));
      expect(lines.join("\n")).toContain("no-restricted-globals");
    });
  });
});
