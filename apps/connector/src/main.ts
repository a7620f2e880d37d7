import { hostname } from "node:os";
import { failureOf, isFromBaileys } from "./baileys/patches/isolate-handlers.ts";
import { latestVersion } from "./baileys/client-version.ts";
import { readConfig } from "./config.ts";
import { startConnector } from "./connector.ts";
import { bufferedOutput, createLogger } from "./log.ts";
import { systemServices } from "./services.ts";

const versionTimeoutMs = 10_000;
// A session's keys are small and long-lived. Each keeps its whole block of the pool alive: 64 KB by default.
Buffer.poolSize = 8192;

try {
  const output = bufferedOutput();
  const config = readConfig(process.env, hostname());
  const logger = createLogger(config.logLevel, config.connectorId, output);
  const fetchVersion = () => (config.whatsapp.isSimulated ? Promise.resolve(null) : latestVersion(versionTimeoutMs));
  const exit = (code: number) => {
    output.flushSync();
    process.exit(code);
  };
  // After an unexpected error the state is unknown. The supervisor of this process starts it again.
  const die = (error: unknown) => {
    logger.fatal({ error }, "the connector failed");
    exit(1);
  };
  process.on("uncaughtException", die);
  process.on("unhandledRejection", (error) => {
    if (!isFromBaileys(error)) return die(error);
    // What somebody sends to one account must not end the sessions of all others.
    logger.error({ failure: failureOf(error) }, "a task of Baileys failed");
  });
  const starting = startConnector(config, { ...systemServices, fetchVersion }, { logger, withProcessMetrics: true });
  // Registered before the start is over: a signal during the start releases the leases too.
  const stop = () => void starting.then((connector) => connector.close()).then(() => exit(0), die);
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  await starting;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
