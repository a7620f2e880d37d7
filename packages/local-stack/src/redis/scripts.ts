import { createHash } from "node:crypto";

export const sha1 = (text: string) => createHash("sha1").update(text).digest("hex");

/** The script without its first line of flags, which only Upstash's Redis accepts. */
export const withoutFlags = (script: string) => (script.startsWith("#!") ? script.replace(/^#![^\n]*/, "") : script);

/**
 * Accepts Lua scripts as Upstash does. Redis 7 refuses the line `#!lua flags=allow-key-locking`, so it is removed, and the
 * digest of the client's script is mapped to the digest without that line.
 */
export class Scripts {
  readonly #digests = new Map<string, string>();

  /** The command as Redis 7 understands it. */
  translate(name: string, args: string[]): string[] {
    const [first = "", second = "", ...rest] = args;
    if (name === "EVAL" || name === "EVAL_RO") return [this.#strip(first), ...args.slice(1)];
    if (name === "EVALSHA" || name === "EVALSHA_RO") return [this.#known(first), ...args.slice(1)];
    if (name !== "SCRIPT") return args;
    if (first.toUpperCase() === "LOAD") return [first, this.#strip(second), ...rest];
    if (first.toUpperCase() === "EXISTS") return [first, ...args.slice(1).map((digest) => this.#known(digest))];
    return args;
  }

  /** The digest of the script as the client loaded it. */
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
