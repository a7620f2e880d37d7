import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";
import { isFromSandi } from "@sandi/examples/webhooks/verify-on-node";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { readPages } from "../src/pages.ts";

interface Vector {
  name: string;
  secrets: string[];
  id: string;
  timestamp: number;
  body: string;
  signature: string;
}

/** A request, and the time at which it arrives. */
interface Arrival {
  headers: Record<string, string>;
  body: string;
  secret: string;
  now: number;
}

const pathOf = (file: string) => fileURLToPath(new URL(`../../examples/src/webhooks/${file}`, import.meta.url));
const sourceOf = (file: string) => readFileSync(pathOf(file), "utf8");
const vectors = JSON.parse(
  readFileSync(new URL("../../contracts/fixtures/webhook-signatures.json", import.meta.url), "utf8"),
) as Vector[];

function arrivalOf({ secrets, id, timestamp, body, signature }: Vector, secret = secrets[0] ?? ""): Arrival {
  const headers = { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signature };
  return { headers, body, secret, now: timestamp };
}
const [first] = vectors;
if (!first) throw new Error("there are no vectors");
const good = arrivalOf(first);

const rightOnes = vectors.flatMap((vector) => vector.secrets.map((secret) => arrivalOf(vector, secret)));
const wrongOnes: Record<string, Arrival> = {
  "another body": { ...good, body: `${good.body} ` },
  "another id": { ...good, headers: { ...good.headers, "webhook-id": "evt_other" } },
  "another secret": { ...good, secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD8kSf3Jr0bVY=" },
  "no signature": { ...good, headers: { ...good.headers, "webhook-signature": "" } },
  "a signature of another version": {
    ...good,
    headers: { ...good.headers, "webhook-signature": `v2,${first.signature.slice(3)}` },
  },
  "no timestamp": { ...good, headers: { ...good.headers, "webhook-timestamp": "" } },
  "an old timestamp": { ...good, now: good.now + 301 },
  "a timestamp of the future": { ...good, now: good.now - 301 },
};

/** How a language runs its snippet. */
interface Runtime {
  file: string;
  isThere: boolean;
  verify: (arrival: Arrival) => boolean | Promise<boolean>;
}

const isThere = (command: string) => spawnSync(command, ["--version"]).status === 0;

/** Runs a program beside a snippet, with the arrival as JSON on its standard input; it prints `true` or `false`. */
function runBeside(file: string, command: string, args: string[]): (arrival: Arrival) => Promise<boolean> {
  const env = { ...process.env, SNIPPET: pathOf(file) };
  return (arrival) =>
    new Promise((resolve, reject) => {
      const child = execFile(command, args, { env }, (error, stdout) =>
        error ? reject(error) : resolve(JSON.parse(stdout) as boolean),
      );
      child.stdin?.end(JSON.stringify(arrival));
    });
}

// The clock is replaced as each language allows: a function of the same name in the caller's place.
const php = `namespace Shop; function time() { return $GLOBALS["arrival"]["now"]; }
  $arrival = json_decode(file_get_contents("php://stdin"), true);
  eval("namespace Shop; ?>" . file_get_contents(getenv("SNIPPET")));
  echo json_encode(is_from_sandi($arrival["headers"], $arrival["body"], $arrival["secret"]));`;
const python = `import json, os, sys
arrival = json.load(sys.stdin)
space = {}
exec(open(os.environ["SNIPPET"]).read(), space)
space["time"].time = lambda: arrival["now"]
print(json.dumps(space["is_from_sandi"](arrival["headers"], arrival["body"].encode(), arrival["secret"])))`;

let worker: Miniflare;
beforeAll(() => {
  const script = `${stripTypeScriptTypes(sourceOf("verify-on-workers.ts"))}
    export default { async fetch(request) {
      const { headers, body, secret, now } = await request.json();
      Date.now = () => now * 1000;
      return Response.json(await isFromSandi(new Headers(headers), body, secret));
    } };`;
  const modules = [{ type: "ESModule" as const, path: "worker.js", contents: script }];
  worker = new Miniflare(convertV4MiniflareOptions({ modules, host: "127.0.0.1", compatibilityDate: "2026-11-01" }));
});
afterAll(() => worker.dispose());

const runtimes: Record<string, Runtime> = {
  Node: {
    file: "verify-on-node.ts",
    isThere: true,
    verify({ headers, body, secret, now }) {
      vi.setSystemTime(now * 1000);
      return isFromSandi(headers, body, secret);
    },
  },
  Workers: {
    file: "verify-on-workers.ts",
    isThere: true,
    async verify(arrival) {
      const answer = await worker.dispatchFetch("http://localhost/", { method: "POST", body: JSON.stringify(arrival) });
      return (await answer.json()) as boolean;
    },
  },
  PHP: { file: "verify.php", isThere: isThere("php"), verify: runBeside("verify.php", "php", ["-r", php]) },
  Python: {
    file: "verify.py",
    isThere: isThere("python3"),
    verify: runBeside("verify.py", "python3", ["-c", python]),
  },
};

describe.each(Object.entries(runtimes))("the snippet for %s", (language, { file, isThere: isRunnable, verify }) => {
  const name = isRunnable ? "" : ` (skipped: ${language} is not installed)`;
  afterEach(() => {
    vi.useRealTimers();
  });

  it.runIf(isRunnable)(
    `accepts every signature of Sandi's vectors, with each secret of a rotation${name}`,
    async () => {
      for (const arrival of rightOnes) expect(await verify(arrival)).toBe(true);
      expect(rightOnes.length).toBeGreaterThan(vectors.length);
    },
  );

  it.runIf(isRunnable).each(Object.entries(wrongOnes))(`refuses %s${name}`, async (_, arrival) => {
    expect(await verify(arrival)).toBe(false);
  });

  it("stands in docs/webhooks.md as it is tested", () => {
    const page = readPages().find(({ path }) => path === "docs/webhooks.md");
    expect(page?.blocks.map(({ text }) => text.trim())).toContain(sourceOf(file).trim());
  });
});
