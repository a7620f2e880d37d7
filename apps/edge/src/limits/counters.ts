import type { Services } from "../services.ts";
import { takeScript, takeScriptSha } from "./script.ts";

const redisMs = 300;
const pauseMs = 2_000;
const quietMs = 10_000;

/** A number in Redis that goes up to its quota within a window. */
export interface Counter {
  key: string;
  quota: number;
  windowMs: number;
  cost: number;
}

/** Takes from all counters or from none; answers what the script does, or nothing while Redis does not. */
export async function takeFrom(services: Services, counters: readonly Counter[]): Promise<number[] | undefined> {
  const { redis, redisOutage: outage, log } = services;
  const now = services.now().getTime();
  if (now < outage.pausedUntil) return undefined;
  // After a pause one request tries while the others go on without: a dead Redis costs each isolate one wait at a time.
  if (outage.pausedUntil > 0) outage.pausedUntil = now + pauseMs;
  const args = argumentsOf(counters, now);
  try {
    const answer = await redis(["EVALSHA", takeScriptSha, ...args], redisMs).catch((error: unknown) => {
      if (!isUnknownScript(error)) throw error;
      return redis(["EVAL", takeScript, ...args], redisMs);
    });
    const numbers = String(answer).split(" ").map(Number);
    if (numbers.length !== 2 * counters.length + 1 || numbers.includes(NaN))
      throw new TypeError("not the script's answer");
    outage.pausedUntil = 0;
    return numbers;
  } catch (error) {
    const failedAt = services.now().getTime();
    outage.pausedUntil = failedAt + pauseMs;
    if (failedAt >= outage.quietUntil) {
      outage.quietUntil = failedAt + quietMs;
      log("Redis does not answer; requests are not limited", error);
    }
    return undefined;
  }
}

function argumentsOf(counters: readonly Counter[], now: number): (string | number)[] {
  const args: (string | number)[] = [counters.length];
  for (const { key } of counters) args.push(key);
  args.push(now);
  for (const { quota, windowMs, cost } of counters) args.push(quota, windowMs, cost);
  return args;
}

const isUnknownScript = (error: unknown) => error instanceof Error && "code" in error && error.code === "NOSCRIPT";
