import { type DestinationStream, type Logger, pino } from "pino";

const flushMs = 200;

/** Values that are never logged, at the top of a line or one level down. `describe` masks the numbers in errors. */
const secret = [
  "code",
  "text",
  "sealed",
  "key",
  "token",
  "qr",
  "authorization",
  "creds",
  "message",
  "to",
  "phone",
  "jid",
  "body",
];

export function createLogger(level: string, connectorId: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { connector: connectorId },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    redact: { paths: secret.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" },
    serializers: { error: describe, err: describe },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** Standard output, written a few times a second: one write for each line costs as much as sending the message. */
export function bufferedOutput(): DestinationStream & { flushSync(): void } {
  const output = pino.destination({ dest: 1, sync: false, minLength: 8_192 });
  setInterval(() => output.flush(), flushMs).unref();
  return output;
}

/** The name and message of an error, with long numbers masked. */
export function describe(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.replaceAll(/\d{5,}/g, "…").slice(0, 300);
}
