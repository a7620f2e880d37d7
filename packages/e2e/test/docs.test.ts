import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Local, randomPorts } from "@sandi/local-stack";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../src/harness.ts";
import { type Block, inlineCode, type Page, readPages, root, rowsOf, section } from "../src/pages.ts";

const run = promisify(execFile);
const pages = readPages();
const env = {
  ...process.env,
  PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`,
  NO_COLOR: "1",
};

const ofKind = (kind: string) =>
  pages.flatMap(({ path, blocks }) =>
    blocks.filter(({ language, kind: own }) => language === "sh" && own === kind).map(({ text }) => ({ path, text })),
  );
const linesOf = (text: string) =>
  text
    .split("\n")
    .map((line) => line.replace(/ +#.*$/, "").trim())
    .filter((line) => line !== "");

const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};
const pnpm = "npx pnpm@10.34.9 ";
/** What `npx pnpm@10.34.9 NAME` runs: a file with Node. */
const fileOf = (name: string) => /^node (\S+)$/.exec(scripts[name] ?? "")?.[1];

describe("every block of the documentation", () => {
  it("has a kind that a test knows", () => {
    const known = new Set(["sh", "sh start", "sh background", "sh tests", "sh cloud", "json", "json problem", "text"]);
    // Whole files that a test of their own runs.
    for (const language of ["ts", "php", "python"]) known.add(language);
    const blocks = pages.flatMap((page) => page.blocks.map((block) => ({ ...block, path: page.path })));
    expect(blocks.filter(({ language, kind }) => !known.has(`${language} ${kind}`.trim()))).toEqual([]);
    for (const { text } of blocks.filter(({ language }) => language === "text"))
      expect(text).not.toMatch(/^\s*(\$|curl|npm|npx|node|fly|turso)\b/m);
    // A fence that is not read as one would hide its commands.
    for (const { path, text, blocks: found } of pages)
      expect([path, (text.match(/^ *```/gm) ?? []).length]).toEqual([path, found.length * 2]);
  });

  it("that needs the real clouds has a right syntax and names scripts, options, files and variables that exist", async () => {
    const known = new Set(
      rowsOf(await readFile(join(root, "docs/configuration.md"), "utf8")).flatMap(([name = ""]) => inlineCode(name)),
    );
    const lines = ofKind("cloud").flatMap(({ text }) => linesOf(text));
    expect(lines.length).toBeGreaterThan(5);
    const unknown: string[] = [];
    for (const line of lines) {
      await run("bash", ["-n", "-c", line]);
      const [, variables = "", command = ""] = /^((?:[A-Z_]+=\S+ )*)(.*)$/.exec(line) ?? [];
      expect(command).toMatch(/^(turso|fly|npx wrangler|npx pnpm@10\.34\.9) /);
      for (const [, name = ""] of `${variables} ${line}`.matchAll(/\b([A-Z][A-Z_]+)=/g)) expect(known).toContain(name);
      for (const [path] of line.matchAll(/\b(?:apps|packages)\/\S+\.ts\b/g)) await readFile(join(root, path));
      if (command.startsWith(pnpm) && command !== `${pnpm}install`) {
        const [name = "", ...rest] = command.slice(pnpm.length).split(" ");
        const code = await readFile(join(root, fileOf(name) ?? `no script ${name}`), "utf8");
        const options = rest.filter((word) => word.startsWith("--"));
        unknown.push(...options.filter((option) => !code.includes(option.slice(2))));
      }
    }
    expect(unknown).toEqual([]);
  });

  it("that starts the stack or the tests uses options that exist, and so does every command in a sentence", async () => {
    const { stdout: usage } = await run(process.execPath, [fileOf("stack")!, "--help"], { cwd: root });
    const gate = await readFile(join(root, ".ci/gate.ts"), "utf8");
    const sources = await Promise.all(
      ["main.ts", "stack/watching.ts"].map((file) => readFile(join(root, "packages/local-stack/src", file), "utf8")),
    );
    const inText = pages.flatMap(({ text }) => inlineCode(text));
    const starts = [...ofKind("start").flatMap(({ text }) => linesOf(text)), ...inText].filter((line) =>
      /(^|[A-Z0-9]+ )npm start\b/.test(line),
    );
    expect(starts.length).toBeGreaterThan(5);
    const options = starts.flatMap((line) => line.match(/--[a-z]+/g) ?? []);
    expect(options.filter((option) => !`${usage} --help`.includes(option))).toEqual([]);
    const variables = starts.flatMap((line) => line.match(/\b[A-Z_]+(?==)/g) ?? []);
    expect(variables.filter((name) => !sources.join().includes(name))).toEqual([]);
    const tests = [...ofKind("tests").flatMap(({ text }) => linesOf(text)), ...inText].filter((line) =>
      line.startsWith("npm test"),
    );
    expect(tests.length).toBeGreaterThan(1);
    const ofTests = tests.flatMap((line) => line.match(/--[a-z]+/g) ?? []);
    expect(ofTests.filter((option) => !gate.includes(option))).toEqual([]);
    const commands = inText.flatMap((line) => (line.startsWith(pnpm) ? [line.slice(pnpm.length)] : []));
    const named = commands.map((line) => line.replace(/^--silent /, "").split(" "));
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter(([name = ""]) => !["install", "exec"].includes(name) && !(name in scripts))).toEqual([]);
  });
});

describe("with a local stack", () => {
  let folder: string;
  let local: Local;
  const ports = { first: 0, metrics: 0, alerts: 0, auth: 0 };
  const children: (() => Promise<void>)[] = [];

  /** Starts a command of ours in a process of its own; it is stopped after the tests. */
  function start(args: string[], more: Record<string, string>): () => string {
    const child = spawn(process.execPath, args, { cwd: root, env: { ...env, ...more } });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    children.push(async () => {
      child.kill("SIGTERM");
      await exited;
    });
    return () => {
      if (child.exitCode !== null) throw new Error(`${args.join(" ")} has ended:\n${output}`);
      return output;
    };
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sandi-docs-"));
    ports.first = (await randomPorts()).edge;
    const { edge: metrics, connector: alerts, simulator: auth } = await randomPorts();
    Object.assign(ports, { metrics, alerts, auth });
    const output = start([fileOf("stack")!, "--port", String(ports.first), "--data", folder], {
      METRICS_PORT: String(ports.metrics),
    });
    await eventually("the stack", async () => output().includes("Sandi is ready"));
    local = JSON.parse(await readFile(join(folder, "local.json"), "utf8")) as Local;
    // Without a pace: a later page ends the session, and the messages that wait with it.
    const pool = `${local.apiUrl}/v1/pools/pool_${local.workspaceId.slice("ws_".length)}`;
    const headers = { authorization: `Bearer ${local.apiKey}`, "content-type": "application/json" };
    const paced = await fetch(pool, { method: "PATCH", headers, body: JSON.stringify({ pacing: "off" }) });
    if (!paced.ok) throw new Error(`the pool has its pace still: ${paced.status}`);
  });
  afterAll(async () => {
    for (const stop of children.toReversed()) await stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** The block as it is for this stack: its ports, its folder, and the scripts without an install. */
  const here = (text: string) =>
    text
      .replaceAll("/tmp/sandi-", `${folder}/tmp-`)
      .replaceAll(/\b(localhost|127\.0\.0\.1):(87[89]\d)\b/g, (_, host: string, port: string) => {
        return `${host}:${ports.first + Number(port) - 8787}`;
      })
      .replaceAll("localhost:9464", `localhost:${ports.metrics}`)
      .replaceAll(/127\.0\.0\.1:9000|(?<=listen\()9000/g, (found) => found.replace("9000", String(ports.alerts)))
      .replaceAll("localhost:3000", `localhost:${ports.auth}`)
      .replaceAll(/(\.\/|\$PWD\/)?\.data\//g, `${folder}/`)
      .replaceAll(/npx pnpm@10\.34\.9 ([a-z-]+)/g, (_, name: string) => `node ${fileOf(name) ?? "no-such-script"}`)
      // A busy machine takes its time.
      .replaceAll("sleep 1", "sleep 4");

  /** Runs the page's blocks in one shell, and answers what each has printed. */
  async function runPage({ blocks }: Page): Promise<Map<Block, string>> {
    const commands = blocks.filter(({ language, kind }) => language === "sh" && kind === "");
    for (const { text } of blocks.filter(({ kind }) => kind === "background")) {
      const [name = ""] = text.trim().slice(pnpm.length).split(" ");
      const output = start([fileOf(name)!], {
        PORT: String(ports.auth),
        SANDI_API_URL: local.apiUrl,
        SANDI_API_KEY: local.apiKey,
      });
      await eventually(name, async () => /listens on|listening to/.test(output()));
    }
    const marker = "@@ end of block @@";
    const script = `set -eo pipefail\n${commands.map(({ text }) => `${here(text)}\necho; echo "${marker}"`).join("\n")}`;
    await writeFile(join(folder, "page.sh"), script);
    const { stdout } = await run("bash", [join(folder, "page.sh")], { cwd: root, env, timeout: 120_000 });
    const outputs = stdout.split(`\n${marker}\n`);
    expect(outputs).toHaveLength(commands.length + 1);
    return new Map(commands.map((block, i) => [block, outputs[i] ?? ""]));
  }

  const withCommands = pages.filter(({ blocks }) => blocks.some(({ language, kind }) => language === "sh" && !kind));

  it("there are pages with commands", () => {
    expect(withCommands.length).toBeGreaterThan(8);
  });

  it.each(withCommands.map((page) => [page.path, page] as const))("%s runs as it is written", async (_, page) => {
    const outputs = await runPage(page);
    const answers = page.blocks.flatMap((block, index) => {
      const answer = page.blocks[index + 1];
      return answer?.language === "json" ? [{ answer, output: outputs.get(block) ?? "" }] : [];
    });
    expect(answers.length).toBe(page.blocks.filter(({ language }) => language === "json").length);
    const refused = new Set(answers.filter(({ answer }) => answer.kind === "problem").map(({ output }) => output));
    const problems = [...outputs.values()].filter((output) => output.includes("/problems/") && !refused.has(output));
    expect(problems).toEqual([]);
    const wrong = answers.flatMap(({ answer, output }) => differences(JSON.parse(answer.text), lastObject(output)));
    expect(wrong).toEqual([]);
  });

  it("the table of metrics is what the connector serves", async () => {
    const served = await (await fetch(`http://localhost:${ports.metrics}/metrics`)).text();
    const names = [...served.matchAll(/^# HELP (sandi_(?!connector_)\S+)/gm)].map(([, name]) => name);
    const table = rowsOf(section(await readFile(join(root, "docs/operating.md"), "utf8"), "Metrics"));
    expect(new Set(table.flatMap(([name = ""]) => inlineCode(name)))).toEqual(new Set(names));
  });

  const reference = async () => (await (await fetch(`${local.apiUrl}/openapi.json`)).json()) as Reference;

  it("the table of message types is what the API takes", async () => {
    const { components } = await reference();
    const text = pages.find(({ path }) => path === "docs/messages.md")?.text ?? "";
    const table = rowsOf(section(text, "Send a message")).flatMap(([type = ""]) => inlineCode(type));
    expect(new Set(table)).toEqual(new Set(typesOf(components.schemas, "CreateMessage")));
  });

  it("every route that a sentence names is in the API reference", async () => {
    const { paths } = await reference();
    const named = new Set(
      pages.flatMap(({ text }) => inlineCode(text)).filter((code) => /^([A-Z]+ )?\/v1\//.test(code)),
    );
    expect(named.size).toBeGreaterThan(20);
    const unknown = [...named].filter((route) => {
      const [, method, path = ""] = /^(?:([A-Z]+) )?(\/v1\/[^?\s]*)/.exec(route) ?? [];
      return method === undefined ? !(path in paths) : paths[path]?.[method.toLowerCase()] === undefined;
    });
    expect(unknown).toEqual([]);
  });
});

interface Schema {
  $ref?: string;
  oneOf?: Schema[];
  anyOf?: Schema[];
  properties?: { type?: { const?: string; enum?: string[] } };
}

interface Reference {
  paths: Record<string, Record<string, unknown>>;
  components: { schemas: Record<string, Schema> };
}

/** The values of `type` in a schema and its alternatives. */
function typesOf(schemas: Record<string, Schema>, name: string): string[] {
  const within = (schema: Schema | undefined): string[] => {
    const { type } = schema?.properties ?? {};
    return [
      ...(schema?.$ref === undefined ? [] : within(schemas[schema.$ref.split("/").at(-1) ?? ""])),
      ...[...(schema?.oneOf ?? []), ...(schema?.anyOf ?? [])].flatMap(within),
      ...(type?.enum ?? (type?.const === undefined ? [] : [type.const])),
    ];
  };
  return within(schemas[name]);
}

/** The last JSON object that the commands have printed. */
function lastObject(output: string): unknown {
  for (let at = output.indexOf("{"); at >= 0; at = output.indexOf("{", at + 1)) {
    try {
      return JSON.parse(output.slice(at));
    } catch {
      // It begins later.
    }
  }
  throw new Error(`no JSON object at the end of:\n${output}`);
}

/** Where an answer differs from what is written. It may have more fields. A text that ends in `…` is a beginning. */
function differences(written: unknown, answer: unknown, at = ""): string[] {
  if (Array.isArray(written)) {
    if (!Array.isArray(answer) || (written.length === 0 && answer.length > 0)) return [`${at}: not ${String(written)}`];
    return written.flatMap((each, i) =>
      answer.some((one) => differences(each, one).length === 0) ? [] : [`${at}/${i}: is missing`],
    );
  }
  if (typeof written === "object" && written !== null) {
    const fields = (answer ?? {}) as Record<string, unknown>;
    return Object.entries(written).flatMap(([name, value]) => differences(value, fields[name], `${at}/${name}`));
  }
  const isBeginning = typeof written === "string" && written.endsWith("…") && typeof answer === "string";
  const isSame = isBeginning ? answer.startsWith(written.slice(0, -1)) : written === answer;
  return isSame ? [] : [`${at}: ${JSON.stringify(answer)} is not ${JSON.stringify(written)}`];
}
