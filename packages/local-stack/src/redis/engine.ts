import { Redis } from "ioredis";
import { Scripts } from "./scripts.ts";

/** The result of a command. An error of Redis is a result, too. */
export type Outcome = { result: unknown } | { error: string };

/** Runs Redis commands. */
export interface Engine {
  run(command: string[]): Promise<Outcome>;
  /** Runs the commands as one transaction. A refused transaction has one outcome in place of a list. */
  transact(commands: string[][]): Promise<Outcome[] | { error: string }>;
  close(): Promise<void>;
}

/** Connects to the real Redis at `redisUrl`. Rejects when it does not answer. */
export async function realEngine(redisUrl: string): Promise<Engine> {
  const redis = new Redis(redisUrl, { lazyConnect: true, maxRetriesPerRequest: 3 });
  // ioredis reconnects by itself. A command that fails meanwhile rejects.
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

async function settle(reply: Promise<unknown>, instead?: string): Promise<Outcome> {
  try {
    const result = await reply;
    return { result: instead ?? result };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { error: /^[A-Z]{2,}\b/.test(message) ? message : `ERR ${message}` };
  }
}
