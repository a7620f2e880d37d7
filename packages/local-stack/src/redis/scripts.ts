import { createHash } from "node:crypto";

export const sha1 = (text: string) => createHash("sha1").update(text).digest("hex");

/** The script without its first line of flags, which no Redis but Upstash's takes. */
export const withoutFlags = (script: string) => (script.startsWith("#!") ? script.replace(/^#![^\n]*/, "") : script);

/**
 * Lua scripts as Upstash takes them. Its `#!lua flags=allow-key-locking` is refused by Redis 7, so the line goes, and
 * the digest that a client knows the script by stands for that of what is left.
 */
export class Scripts {
  readonly #digests = new Map<string, string>();

  /** The command as an ordinary Redis understands it. */
  translate(name: string, args: string[]): string[] {
    const [first = "", second = "", ...rest] = args;
    if (name === "EVAL" || name === "EVAL_RO") return [this.#strip(first), ...args.slice(1)];
    if (name === "EVALSHA" || name === "EVALSHA_RO") return [this.#known(first), ...args.slice(1)];
    if (name !== "SCRIPT") return args;
    if (first.toUpperCase() === "LOAD") return [first, this.#strip(second), ...rest];
    if (first.toUpperCase() === "EXISTS") return [first, ...args.slice(1).map((digest) => this.#known(digest))];
    return args;
  }

  /** The digest under which the client knows a script that it has loaded. */
  digestFor(name: string, args: string[]): string | undefined {
    return name === "SCRIPT" && args[0]?.toUpperCase() === "LOAD" ? sha1(args[1] ?? "") : undefined;
  }

  #known(digest: string): string {
    return this.#digests.get(digest.toLowerCase()) ?? digest;
  }

  #strip(script: string): string {
    if (!script.startsWith("#!")) return script;
    const stripped = withoutFlags(script);
    this.#digests.set(sha1(script), sha1(stripped));
    return stripped;
  }
}
