/** What ioredis-mock keeps. Its maps forget a key that has expired. */
export interface Keyspace {
  data: { has(key: string): boolean; get(key: string): unknown; set(key: string, value: string): void };
  expires: { set(key: string, at: number): void; delete(key: string): void };
}

/**
 * Runs what every request of the edge needs without the mock's wrapper, which takes most of a command's time. Undefined for
 * other commands, options and types of values: the mock runs those.
 */
export function runFast(keyspace: Keyspace, name: string, args: string[]): unknown {
  if (name === "GET") return args.length === 1 ? get(keyspace, args[0] ?? "") : undefined;
  if (name === "MGET") return args.length > 0 ? args.map((key) => get(keyspace, key) ?? null) : undefined;
  return name === "SET" ? set(keyspace, args) : undefined;
}

/** Null where there is no value; undefined for a value that is no string. */
function get({ data }: Keyspace, key: string): string | null | undefined {
  const value = data.get(key);
  if (value === undefined) return null;
  return typeof value === "string" ? value : undefined;
}

function set({ data, expires }: Keyspace, [key, value, ...options]: string[]): "OK" | null | undefined {
  if (key === undefined || value === undefined) return undefined;
  let ms: number | undefined;
  let isNew = false;
  for (let i = 0; i < options.length; i++) {
    const option = options[i]?.toUpperCase();
    if (option === "NX") isNew = true;
    else if ((option === "EX" || option === "PX") && ms === undefined && /^[1-9]\d{0,14}$/.test(options[i + 1] ?? ""))
      ms = Number(options[++i]) * (option === "EX" ? 1000 : 1);
    else return undefined;
  }
  if (isNew && data.has(key)) return null;
  data.set(key, value);
  if (ms === undefined) expires.delete(key);
  else expires.set(key, Date.now() + ms);
  return "OK";
}
