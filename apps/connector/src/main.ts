import { hostname } from "node:os";
import { failureOf, isOfBaileys } from "./baileys/patches/isolate-handlers.ts";
import { latestVersion } from "./baileys/socket.ts";
import { readConfig } from "./config.ts";
import { startConnector } from "./connector.ts";
import { bufferedOutput, createLogger } from "./log.ts";
import { systemServices } from "./services.ts";

const versionTimeoutMs = 10_000;
// A session's keys are small and stay; each keeps the whole block alive that it was cut from, of 64 KB by default.
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
  // An unforeseen state is not one to go on from; whoever started this process starts it again.
  const die = (error: unknown) => {
    logger.fatal({ error }, "the connector fails");
    exit(1);
  };
  process.on("uncaughtException", die);
  process.on("unhandledRejection", (error) => {
    if (!isOfBaileys(error)) return die(error);
    // What one account was sent must not end the sessions of all others.
    logger.error({ failure: failureOf(error) }, "something that Baileys began has failed");
  });
  const starting = startConnector(config, { ...systemServices, fetchVersion }, { logger, withProcessMetrics: true });
  // From the first moment on: who is told to stop while it starts gives back what it has taken.
  const stop = () => void starting.then((connector) => connector.close()).then(() => exit(0), die);
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  await starting;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
