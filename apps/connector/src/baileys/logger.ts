import type { Logger } from "pino";

/** Baileys' logger interface, which it does not export. */
export interface BaileysLogger {
  /** Collections of the app state that are not what the account's other devices have. Baileys only warns of it. */
  readonly diverged: Set<string>;
  level: string;
  child(bindings: Record<string, unknown>): BaileysLogger;
  trace(object: unknown, message?: string): void;
  debug(object: unknown, message?: string): void;
  info(object: unknown, message?: string): void;
  warn(object: unknown, message?: string): void;
  error(object: unknown, message?: string): void;
}

const nothing = () => undefined;
const warnsOfDivergence = /^LTHash verification failed|^failed to decode patch/;

/** Logs only the messages of Baileys' warnings and errors, with digits masked. Its objects hold stanzas, keys and jids. */
export function quietLogger(logger: Logger): BaileysLogger {
  const say = (level: "warn" | "debug") => (object: unknown, message?: string) => {
    const text = message ?? (typeof object === "string" ? object : "");
    const { err, error } = (typeof object === "object" ? (object ?? {}) : {}) as Record<string, unknown>;
    logger[level]({ from: "baileys", error: nameOf(err ?? error) }, mask(text));
  };
  const diverged = new Set<string>();
  const sayWarning = say("debug");
  const quiet: BaileysLogger = {
    diverged,
    level: "warn",
    child: () => quiet,
    trace: nothing,
    debug: nothing,
    info: nothing,
    // Baileys warns of many things that it handles itself.
    warn(object, message) {
      const { name } = object as { name?: unknown };
      if (typeof name === "string" && warnsOfDivergence.test(message ?? "")) diverged.add(name);
      sayWarning(object, message);
    },
    error: say("warn"),
  };
  return quiet;
}

function nameOf(error: unknown): string | undefined {
  return error instanceof Error ? mask(`${error.name}: ${error.message}`) : undefined;
}

function mask(text: string): string {
  return text.replaceAll(/\d{3,}/g, "…").slice(0, 200);
}
