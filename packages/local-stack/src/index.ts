export { generateSecrets } from "./keys/keys.ts";
export { type Libsql, type LibsqlOptions, startLibsql } from "./libsql/server.ts";
export { startRedisRest } from "./redis/server.ts";
export { startQstash } from "./qstash/server.ts";
export { prepare } from "./stack/first-run.ts";
export type { Local } from "./stack/local.ts";
export { type Ports, randomPorts } from "./stack/ports.ts";
export { type Stack, type StackOptions, startStack } from "./stack/stack.ts";
export { startWorker, type Worker, type WorkerOptions } from "./stack/worker.ts";
