import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
// @ts-expect-error it comes without types, and those of DefinitelyTyped want ioredis as a peer
import RedisMock from "ioredis-mock";
import { upperCaseOptions } from "./options.ts";
import { Scripts } from "./scripts.ts";

/** What a command came to: Redis errors are answers, too. */
export type Outcome = { result: unknown } | { error: string };

/** Something that runs Redis commands. */
export interface Engine {
  run(command: string[]): Promise<Outcome>;
  /** All of them with nobody in between; an outcome instead of a list when the transaction was refused. */
  transact(commands: string[][]): Promise<Outcome[] | { error: string }>;
  close(): Promise<void>;
}

/** A real Redis behind `redisUrl`. Rejects when it does not answer. */
export async function realEngine(redisUrl: string): Promise<Engine> {
  const redis = new Redis(redisUrl, { lazyConnect: true, maxRetriesPerRequest: 3 });
  // ioredis reconnects by itself; what fails meanwhile is answered where it was asked.
  redis.on("error", () => {});
  const scripts = new Scripts();
  await redis.connect().catch((error: unknown) => {
    redis.disconnect();
    throw new Error(`no Redis answers at ${new URL(redisUrl).host}`, { cause: error });
  });
  return {
    run: ([name = "", ...args]) => {
      const upper = name.toUpperCase();
      return settle(redis.callBuffer(name, ...scripts.translate(upper, args)), scripts.digestFor(upper, args));
    },
    async transact(commands) {
      const transaction = redis.multi();
      for (const [name = "", ...args] of commands) {
        transaction.callBuffer(name, ...scripts.translate(name.toUpperCase(), args));
      }
      try {
        const replies = (await transaction.exec()) ?? [];
        return replies.map(([error, result]) => (error ? { error: error.message } : { result }));
      } catch (error) {
        return { error: (error as Error).message };
      }
    },
    async close() {
      redis.disconnect();
    },
  };
}

type Command = (...args: string[]) => Promise<unknown>;

/** An empty Redis in this process; no other instance sees its data. */
export function memoryEngine(): Engine {
  // ioredis-mock shares data between instances of the same host and port.
  const redis = new RedisMock({ host: randomUUID() });
  const methods = redis as unknown as Record<string, Command | undefined>;
  const scripts = new Scripts();
  const run = async ([name = "", ...args]: string[]): Promise<Outcome> => {
    const upper = name.toUpperCase();
    const method = /^[A-Z]+$/.test(upper) ? methods[upper.toLowerCase()] : undefined;
    if (!method || notCommands.has(upper)) return { error: `ERR unknown command '${name}'` };
    const given = upperCaseOptions(upper, scripts.translate(upper, args));
    return settle(new Promise((resolve) => resolve(method.apply(redis, given))), scripts.digestFor(upper, args));
  };
  return {
    run,
    // The mock does each command within the call itself, so nothing comes between these.
    transact: (commands) => Promise.all(commands.map(run)),
    async close() {
      await redis.flushall();
      redis.disconnect();
    },
  };
}

/** Methods of the mock that are no commands, or would end it. */
const notCommands = new Set(
  "PIPELINE MULTI EXEC DISCARD CONNECT DISCONNECT QUIT DUPLICATE DEFINECOMMAND MONITOR SUBSCRIBE PSUBSCRIBE ON ONCE OFF EMIT".split(
    " ",
  ),
);

async function settle(reply: Promise<unknown>, instead?: string): Promise<Outcome> {
  try {
    const result = await reply;
    return { result: instead ?? result };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { error: /^[A-Z]{2,}\b/.test(message) ? message : `ERR ${message}` };
  }
}
