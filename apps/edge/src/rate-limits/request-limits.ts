import type { Actor } from "../actor.ts";
import type { Limit } from "./limit.ts";

const daySeconds = 24 * 3600;
/** For each send: a create, a check and three repetitions. */
const repeatablePerSend = 5;

/**
 * The limits of every request with a key: the key's, and the workspace's, so that more keys do not mean more load. An
 * `Idempotency-Key` is a row for a day and has an additional limit. Test keys have their own limits.
 */
export function requestLimits({ by, environment, quota }: Actor, isRepeatable: boolean): Limit[] {
  const workspaceBurst = Math.max(quota.workspaceBurst, quota.keyBurst);
  const workspacePerSecond = Math.max(quota.workspacePerSecond, quota.keyPerSecond);
  const sendsPerDay = environment === "test" ? quota.testSendsPerDay : quota.sendsPerDay;
  return [
    { name: "key", id: by.id, quota: quota.keyBurst, windowSeconds: quota.keyBurst / quota.keyPerSecond },
    { name: "workspace", id: environment, quota: workspaceBurst, windowSeconds: workspaceBurst / workspacePerSecond },
    ...(isRepeatable
      ? [
          {
            name: "idempotency-keys",
            id: environment,
            quota: repeatablePerSend * sendsPerDay,
            windowSeconds: daySeconds,
          },
        ]
      : []),
  ];
}
