import { styleText } from "node:util";
import { Refused } from "./follow.ts";
import { listen } from "./listen.ts";
import { readOptions, UsageError, usage } from "./options.ts";

const end = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => end.abort());
// The reader of a pipe, such as `head`, has seen enough.
process.stdout.on("error", () => end.abort());

try {
  const options = readOptions(
    process.argv.slice(2),
    process.env,
    new URL("../../../.data/local.json", import.meta.url),
  );
  if (options === "help") process.stdout.write(usage);
  else {
    await listen(options, {
      out: process.stdout,
      err: process.stderr,
      // Without colours where the output is no terminal, or NO_COLOR is set.
      paint: (style, text) => styleText(style, text, { stream: process.stdout }),
      signal: end.signal,
    });
  }
} catch (error) {
  if (!(error instanceof Refused || error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${error instanceof UsageError ? `\n${usage}` : ""}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
