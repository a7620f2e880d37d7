import { readFile } from "node:fs/promises";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, context, type Plugin } from "esbuild";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, Response } from "miniflare";

const edgeFolder = fileURLToPath(new URL("../../../../apps/edge/", import.meta.url));

export interface WorkerOptions {
  port: number;
  bindings: Record<string, string>;
  assetsFolder: string;
  /** The folder of the files of messages. Without one they end with the Worker. */
  mediaFolder?: string;
  log: (line: string) => void;
  /** Answers calls to customers' addresses in place of the network. */
  outside?: (url: string) => { status: number; headers?: Record<string, string> };
  /** True: rebuild and reload when a source file changes. */
  watch?: boolean;
}

/** The edge Worker in workerd. */
export interface Worker {
  readonly url: string;
  /** Runs the cron handler once, as Cloudflare would on schedule. */
  runCron(): Promise<void>;
  stop(): Promise<void>;
}

/** Miniflare sends each subrequest through another Worker, which doubles the CPU time. Production has no such Worker. */
const direct = `import { env as miniflareBindings } from "cloudflare:workers";
globalThis.fetch = (...request) => miniflareBindings.OUTSIDE.fetch(...request);`;

/** As `alias` in wrangler.toml. */
const aliases: Record<string, string> = {
  "../locales/index.js": "scripts/no-locales.ts",
  "./from-json-schema.js": "scripts/no-unused-zod.ts",
  "./compile.js": "scripts/no-unused-zod.ts",
};
const withAliases: Plugin = {
  name: "aliases",
  setup(build_) {
    build_.onResolve({ filter: /^\.\.?\/.*\.js$/ }, ({ path }) => {
      const alias = aliases[path];
      return alias === undefined ? undefined : { path: `${edgeFolder}${alias}` };
    });
  },
};

const bundling = {
  entryPoints: [`${edgeFolder}src/index.ts`],
  bundle: true,
  write: false,
  format: "esm",
  target: "es2024",
  platform: "browser",
  conditions: ["workerd", "worker", "browser"],
  mainFields: ["browser", "module", "main"],
  external: ["node:*", "cloudflare:*"],
  jsx: "automatic",
  jsxImportSource: "hono/jsx",
  logLevel: "silent",
  banner: { js: direct },
  sourcemap: "inline",
  // The sources double the size of what miniflare and workerd read at every start.
  sourcesContent: false,
  outfile: "worker.js",
  plugins: [withAliases],
} satisfies BuildOptions;

/** A network for files from customers' addresses. It refuses names that resolve to private addresses, as Cloudflare does. */
export const publicNetwork = { network: { allow: ["public"], deny: [], tlsOptions: { trustBrowserCas: true } } };

let built: Promise<string> | undefined;
/** The Worker's bundle: built once per process, however often the edge starts. */
const bundle = () => (built ??= build(bundling).then(({ outputFiles }) => outputFiles[0]?.text ?? ""));

/** Bundles the Worker and runs it in workerd on loopback. Rejects with esbuild's messages when it does not build. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { log, outside } = options;
  const settings = (script: string) => ({
    ...convertV4MiniflareOptions({
      host: "127.0.0.1",
      // Without miniflare's proxies, which cost more CPU than the Worker.
      unsafeDirectSockets: [{ host: "127.0.0.1", port: options.port }],
      log: new LineLog(log),
      handleStructuredLogs: ({ message }) => log(message),
      cf: false,
      modules: [{ type: "ESModule", path: "worker.js", contents: script }],
      compatibilityDate: "2026-11-01",
      compatibilityFlags: ["nodejs_compat"],
      bindings: options.bindings,
      r2Buckets: ["MEDIA"],
      serviceBindings: {
        ASSETS: ({ url }) => assetAt(options.assetsFolder, new URL(url).pathname),
        PUBLIC_NETWORK: outside ? ({ url }: { url: string }) => answerTo(outside(url)) : publicNetwork,
        OUTSIDE: { network: { allow: ["public", "private"], deny: [], tlsOptions: { trustBrowserCas: true } } },
      },
    }),
    enableDevRegistry: false,
    ...(options.mediaFolder === undefined ? {} : { resourcePersistencePath: options.mediaFolder }),
    logRequests: false,
  });

  const first = settings(await bundle());
  const miniflare = withoutSignalHandlers(() => new Miniflare(first));
  await miniflare.ready;

  const watcher = options.watch ? await watch((script) => miniflare.setOptions(settings(script)), log) : undefined;
  return {
    url: `http://127.0.0.1:${options.port}`,
    async runCron() {
      const worker = await miniflare.getWorker();
      await worker.scheduled({ cron: "* * * * *", scheduledTime: new Date() });
    },
    async stop() {
      await watcher?.dispose();
      await miniflare.dispose();
    },
  };
}

const answerTo = ({ status, ...more }: ReturnType<NonNullable<WorkerOptions["outside"]>>) =>
  new Response(null, { status, ...more });

/** A file of the Worker's static assets, as Cloudflare would serve it. */
async function assetAt(folder: string, path: string): Promise<Response> {
  const file = normalize(join(folder, decodeURIComponent(path)));
  const type = file.endsWith(".js") ? "text/javascript" : "application/octet-stream";
  if (!file.startsWith(normalize(`${folder}/`))) return new Response("not found", { status: 404 });
  try {
    return new Response(await readFile(file), { headers: { "content-type": type } });
  } catch {
    return new Response("not found", { status: 404 });
  }
}

/** Miniflare would end the process on a signal before the other parts have stopped. */
function withoutSignalHandlers<T>(make: () => T): T {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const before = signals.map((signal) => process.listeners(signal));
  const made = make();
  signals.forEach((signal, i) => {
    for (const listener of process.listeners(signal)) {
      if (!before[i]?.includes(listener)) process.off(signal, listener);
    }
  });
  return made;
}

async function watch(reload: (script: string) => Promise<void>, log: (line: string) => void) {
  let isFirst = true;
  const watcher = await context({
    ...bundling,
    plugins: [
      ...bundling.plugins,
      {
        name: "reload",
        setup(build_) {
          build_.onEnd(async ({ errors, outputFiles }) => {
            if (isFirst) {
              isFirst = false;
              return;
            }
            for (const { text, location } of errors) log(`${location?.file ?? ""}:${location?.line ?? ""} ${text}`);
            const script = outputFiles?.[0]?.text;
            if (errors.length > 0 || script === undefined) return;
            await reload(script);
            log("reloaded");
          });
        },
      },
    ],
  });
  await watcher.watch();
  return watcher;
}

/** Passes on miniflare's and the Worker's lines, one by one and without colours. */
class LineLog extends Log {
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    super(LogLevel.WARN);
    this.#write = write;
  }

  override log(message: string) {
    for (const line of message.split("\n")) if (line.trim()) this.#write(line);
  }
}
