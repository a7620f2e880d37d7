import type { KnownKey } from "../db/schema.ts";
import type { Limit } from "./limits.ts";

/** All requests of one API key. */
export const keyLimit = ({ id, quota }: KnownKey): Limit => ({
  name: "key",
  id,
  quota: quota.keyBurst,
  windowSeconds: quota.keyBurst / quota.keyPerSecond,
});
