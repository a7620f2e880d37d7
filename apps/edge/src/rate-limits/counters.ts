import type { Services } from "../services.ts";
import { unlessAway } from "./redis-outage.ts";
import { consumeScript, consumeScriptSha } from "./script.ts";

const redisMs = 300;
const silentMs = 10_000;

/** A counter in Redis that rises up to its quota within a window. */
export interface Counter {
  key: string;
  quota: number;
  windowMs: number;
  cost: number;
}

/** Consumes all counters or none. Returns the script's answer; undefined while Redis does not answer. */
export async function consumeFrom(services: Services, counters: readonly Counter[]): Promise<number[] | undefined> {
  const { redis, redisOutage: outage, log } = services;
  const args = argumentsOf(counters, services.now().getTime());
  const failed = (error: unknown) => {
    const failedAt = services.now().getTime();
    if (failedAt < outage.silentUntil) return;
    outage.silentUntil = failedAt + silentMs;
    log("Redis does not answer; requests are not limited", error);
  };
  return unlessAway(services, failed, async () => {
    const answer = await redis(["EVALSHA", consumeScriptSha, ...args], redisMs).catch((error: unknown) => {
      if (!isUnknownScript(error)) throw error;
      return redis(["EVAL", consumeScript, ...args], redisMs);
    });
    if (!isNumbers(answer) || answer.length !== 2 * counters.length + 1) throw new TypeError("not the script's answer");
    return answer;
  });
}

function argumentsOf(counters: readonly Counter[], now: number): (string | number)[] {
  const args: (string | number)[] = [counters.length];
  for (const { key } of counters) args.push(key);
  args.push(now);
  for (const { quota, windowMs, cost } of counters) args.push(quota, now + windowMs, cost);
  return args;
}

const isNumbers = (answer: unknown): answer is number[] =>
  Array.isArray(answer) && answer.every((one) => typeof one === "number");

const isUnknownScript = (error: unknown) => error instanceof Error && "code" in error && error.code === "NOSCRIPT";
