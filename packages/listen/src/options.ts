import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { webhookKey } from "@sandi/crypto";

/** What the command listens to, and what it does with each event. */
export interface Options {
  url: string;
  key: string;
  types: readonly string[];
  session: string | undefined;
  json: boolean;
  forwardTo: string | undefined;
  /** Signs forwarded events; undefined: a new one is made. */
  secret: string | undefined;
}

export const usage = `npx pnpm@10.34.9 listen [options]

Prints the events of a workspace as they come. Ctrl-C ends it.

  --type TYPE         events of this type only: message.sent, message.*; may be repeated
  --session ID        events of this session only
  --json              one event as JSON in each line
  --forward-to URL    posts each event to an app, signed as a webhook
  --secret SECRET     the secret of these signatures, whsec_…; otherwise a new one is made and printed
  --url URL           another Sandi than the one that runs in this checkout (or SANDI_API_URL)
  --key KEY           an API key with event:read (or SANDI_API_KEY)
`;

/** A mistake in the options: its message is for the user. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Reads the options; "help" if the user asks for them. Throws a `UsageError`.
 * @param localFile what `npm start` writes about the stack in this checkout
 */
export function readOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  localFile: URL,
): Options | "help" {
  const { help, ...given } = parse(args);
  if (help) return "help";
  const url = given.url ?? env["SANDI_API_URL"];
  const key = given.key ?? env["SANDI_API_KEY"];
  if (url !== undefined && key === undefined) {
    throw new UsageError("--url needs an API key: --key, or SANDI_API_KEY");
  }
  const sandi = url !== undefined && key !== undefined ? { url, key } : localStack(localFile, key);
  if (given.secret !== undefined) checkSecret(given.secret);
  return {
    url: checkUrl("--url", sandi.url, { keepsSecrets: true }).replace(/\/+$/, ""),
    key: sandi.key,
    types: given.type,
    session: given.session,
    json: given.json,
    forwardTo: given["forward-to"] === undefined ? undefined : checkUrl("--forward-to", given["forward-to"]),
    secret: given.secret,
  };
}

function parse(args: readonly string[]) {
  const options = {
    type: { type: "string", multiple: true, default: [] as string[] },
    session: { type: "string" },
    json: { type: "boolean", default: false },
    "forward-to": { type: "string" },
    secret: { type: "string" },
    url: { type: "string" },
    key: { type: "string" },
    help: { type: "boolean", default: false },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function localStack(file: URL, key: string | undefined): { url: string; key: string } {
  try {
    const local = JSON.parse(readFileSync(file, "utf8")) as { apiUrl: string; apiKey: string };
    return { url: local.apiUrl, key: key ?? local.apiKey };
  } catch (cause) {
    throw new UsageError("no stack has run in this checkout: start it with `npm start`, or give --url and --key", {
      cause,
    });
  }
}

function checkUrl(option: string, text: string, { keepsSecrets = false } = {}): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new UsageError(`${option} must be an http or https address`);
  const isHere = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (keepsSecrets && url.protocol === "http:" && !isHere) {
    throw new UsageError(`${option} must be https, because the API key is sent there`);
  }
  return text;
}

function checkSecret(secret: string): void {
  try {
    webhookKey(secret);
  } catch (cause) {
    throw new UsageError("--secret must be whsec_ and base64", { cause });
  }
}
