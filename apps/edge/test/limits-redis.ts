import { redisOver } from "../src/upstash.ts";

/** The local stack's Redis over REST, and the edge's own way to it. */
export interface TestRedis {
  url: string;
  redis: ReturnType<typeof redisOver>;
  stop: () => Promise<void>;
}

interface LocalStack {
  startRedisRest: (options: {
    token: string;
    redisUrl?: string;
  }) => Promise<{ url: string; close: () => Promise<void> }>;
  redisProgram: () => string | undefined;
  startRedisServer: (program: string) => Promise<{ url: string; stop: () => Promise<void> }>;
}

// By URL, because its types are Node's and the edge's are the Worker's.
const load = (path: string) =>
  import(new URL(`../../../packages/local-stack/${path}`, import.meta.url).href) as Promise<LocalStack>;
const { startRedisRest } = await load("src/redis/server.ts");
const { redisProgram, startRedisServer } = await load("src/real-servers.ts");

const token = "test-token";
const program = redisProgram();

/** As the Worker asks the Redis at this address. */
export const over = (url: string, secret = token) =>
  redisOver({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: secret });

export async function memoryRedis(): Promise<TestRedis> {
  const rest = await startRedisRest({ token });
  return { url: rest.url, redis: over(rest.url), stop: () => rest.close() };
}

/** Undefined where none is installed. */
export const realRedis = program === undefined ? undefined : () => startReal(program);

async function startReal(from: string): Promise<TestRedis> {
  const server = await startRedisServer(from);
  const rest = await startRedisRest({ token, redisUrl: server.url });
  return { url: rest.url, redis: over(rest.url), stop: () => rest.close().then(() => server.stop()) };
}
