import { randomUUID } from "node:crypto";
// @ts-expect-error the package has no types, and those of DefinitelyTyped need ioredis as a peer
import RedisMock from "ioredis-mock";
import type { Engine, Outcome } from "./engine.ts";
import { openLua } from "./lua.ts";
import { upperCaseOptions } from "./options.ts";
import { type Keyspace, runFast } from "./fast.ts";
import { sha1, withoutFlags } from "./scripts.ts";

type Method = (...args: string[]) => Promise<unknown>;

/** Methods of the mock that are not commands, or that would stop it. */
const notCommands = new Set(
  "PIPELINE MULTI EXEC DISCARD CONNECT DISCONNECT QUIT DUPLICATE DEFINECOMMAND MONITOR SUBSCRIBE PSUBSCRIBE ON ONCE OFF EMIT".split(
    " ",
  ),
);

/** The least number of arguments. The mock does not check it. */
const fewest: Record<string, number> = {
  GET: 1, SET: 2, SETEX: 3, PSETEX: 3, SETNX: 2, GETDEL: 1, DEL: 1, EXISTS: 1, INCR: 1, DECR: 1, INCRBY: 2, DECRBY: 2, EXPIRE: 2, PEXPIRE: 2,
  TTL: 1, PTTL: 1, PERSIST: 1, HGET: 2, HSET: 3, HDEL: 2, HGETALL: 1, HINCRBY: 3, LPUSH: 2, RPUSH: 2, LRANGE: 3, SADD: 2, SREM: 2, SMEMBERS: 1,
  ZADD: 3, ZRANGE: 3, ZREM: 2, EVAL: 2, EVALSHA: 2,
}; // prettier-ignore

class CommandError extends Error {}

/** An empty Redis in this process. No other instance sees its data. */
export function memoryEngine(): Engine {
  // ioredis-mock shares data between instances of the same host and port.
  const redis = new RedisMock({ host: randomUUID() });
  const methods = redis as unknown as Record<string, Method | undefined>;
  const keyspace = redis as unknown as Keyspace;
  const scripts = new Map<string, string>();
  let last: Promise<unknown> = Promise.resolve();

  /** Runs one command at a time, because one command can take several calls of the mock. */
  function inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  }

  function call(name: string, args: string[]): Promise<unknown> {
    const method = /^[A-Z]+$/.test(name) && !notCommands.has(name) ? methods[name.toLowerCase()] : undefined;
    if (typeof method !== "function") throw new CommandError(`ERR unknown command '${name}'`);
    return method.apply(redis, args);
  }

  const special: Record<string, (args: string[]) => Promise<unknown>> = {
    EVAL: ([script = "", ...rest]) => {
      scripts.set(sha1(script), script);
      return evaluate(script, rest);
    },
    EVALSHA: ([sha = "", ...rest]) => {
      const script = scripts.get(sha.toLowerCase());
      if (script === undefined) throw new CommandError("NOSCRIPT No matching script. Please use EVAL.");
      return evaluate(script, rest);
    },
    SCRIPT: async ([action = "", ...rest]) => {
      if (action.toUpperCase() === "EXISTS") return rest.map((sha) => (scripts.has(sha.toLowerCase()) ? 1 : 0));
      if (action.toUpperCase() === "FLUSH") return scripts.clear() ?? "OK";
      const script = rest[0];
      if (action.toUpperCase() !== "LOAD" || script === undefined)
        throw new CommandError("ERR unknown SCRIPT subcommand");
      scripts.set(sha1(script), script);
      return sha1(script);
    },
    SET: async (args) => {
      const given = upperCaseOptions("SET", args);
      const keeps = given.indexOf("KEEPTTL", 2);
      if (keeps < 0) return call("SET", given);
      // The mock accepts KEEPTTL and still deletes the expiry.
      const ms = Number(await call("PTTL", given.slice(0, 1)));
      const result = await call("SET", given.toSpliced(keeps, 1));
      if (ms > 0 && result !== null) await call("PEXPIRE", [given[0] ?? "", String(ms)]);
      return result;
    },
    ...Object.fromEntries(
      ["INCR", "DECR", "INCRBY", "DECRBY"].map((name) => [
        name,
        async (args: string[]) => {
          const value = await call("GET", args.slice(0, 1));
          wholeNumbers([value ?? "0", ...args.slice(1)]);
          return call(name, args);
        },
      ]),
    ),
    HINCRBY: async (args) => {
      wholeNumbers([(await call("HGET", args.slice(0, 2))) ?? "0", args[2]]);
      return call("HINCRBY", args);
    },
  };

  const lua = openLua(now);

  async function evaluate(script: string, [count = "", ...rest]: string[]): Promise<unknown> {
    wholeNumbers([count]);
    return lua.run(withoutFlags(script), rest.slice(0, Number(count)), rest.slice(Number(count)));
  }

  function now([given = "", ...args]: string[]): Outcome | Promise<Outcome> {
    const name = given.toUpperCase();
    const result = runFast(keyspace, name, args);
    return result === undefined ? byTheMock(given, name, args) : { result };
  }

  async function byTheMock(given: string, name: string, args: string[]): Promise<Outcome> {
    try {
      if (args.length < (fewest[name] ?? 0))
        throw new CommandError(`ERR wrong number of arguments for '${given.toLowerCase()}' command`);
      const own = Object.hasOwn(special, name) ? special[name] : undefined;
      return { result: await (own ? own(args) : call(name, upperCaseOptions(name, args))) };
    } catch (error) {
      return { error: messageOf(error) };
    }
  }

  return {
    run: (command) => inTurn(() => now(command)),
    transact: (commands) =>
      inTurn(async () => {
        const outcomes: Outcome[] = [];
        for (const command of commands) outcomes.push(await now(command));
        return outcomes;
      }),
    async close() {
      await last;
      await redis.flushall();
      redis.disconnect();
    },
  };
}

function wholeNumbers(values: unknown[]): void {
  if (!values.every((value) => /^-?\d+$/.test(String(value))))
    throw new CommandError("ERR value is not an integer or out of range");
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CommandError) return message;
  if (/does not contain an? /.test(message)) return "WRONGTYPE Operation against a key holding the wrong kind of value";
  return /^[A-Z]{2,}\b/.test(message) ? message : `ERR ${message}`;
}
