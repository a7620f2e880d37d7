/**
 * The connector as a process that kills itself with -9 at a point of its work: DIES_AT is `commit`, `request`, `frame` or
 * `file` (a request to a media host), `before`, `during` (of a request's answer) or `after`, and which one since its start,
 * as in `commit:before:3`.
 */
import http from "node:http";
import https from "node:https";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { DatabaseSync } from "node:sqlite";

const [kind, when, nth] = (process.env["DIES_AT"] ?? "").split(":");
let count = 0;

/** True when this is the one. */
const isIt = (what: string) => what === kind && ++count === Number(nth);
const die = () => process.kill(process.pid, "SIGKILL");

// oxlint-disable-next-line typescript/unbound-method -- called with the database that it belongs to
const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (sql) {
  const isLast = sql === "COMMIT" && isIt("commit");
  if (isLast && when === "before") die();
  exec.call(this, sql);
  if (isLast) die();
};

/** Calls of the edge and of media hosts are the only requests that are made with a URL. WebSockets have options alone. */
function dyingAt(what: string, request: typeof http.request): typeof http.request {
  return ((...call: Parameters<typeof request>) => {
    const isLast = call[0] instanceof URL && isIt(what);
    if (isLast && when === "before") die();
    const asked = request(...call);
    if (isLast && when === "during") asked.once("response", (answer) => answer.once("data", die));
    else if (isLast) asked.once("response", die);
    return asked;
  }) as typeof request;
}
http.request = dyingAt("request", http.request);
https.request = dyingAt("file", https.request);
syncBuiltinESMExports();

interface Socket {
  send(this: Socket, data: unknown, ...rest: unknown[]): void;
}
const fromBaileys = createRequire(createRequire(import.meta.url).resolve("@whiskeysockets/baileys"));
const { prototype } = fromBaileys("ws") as { prototype: Socket };
// oxlint-disable-next-line typescript/unbound-method -- called with the socket that it belongs to
const { send } = prototype;
prototype.send = function (data, ...rest) {
  const isLast = isIt("frame");
  if (isLast && when === "before") die();
  send.call(this, data, ...rest);
  // The kernel has sent it by the next turn of the event loop.
  if (isLast) setImmediate(die);
};

await import("../../src/main.ts");
