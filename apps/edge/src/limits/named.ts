import { hmac } from "@sandi/crypto";
import type { KnownKey } from "../db/schema.ts";
import type { Services } from "../services.ts";
import { networkOf } from "./network.ts";
import type { Limit } from "./limit.ts";

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const firstWeekMs = 7 * day * 1000;

/** Sends for one address of an end user (IPv6: its /64). */
export async function endUserSendLimits(services: Services, key: KnownKey, endUserIp: string): Promise<Limit[]> {
  const id = await pseudonym(services, key, "ip", networkOf(endUserIp));
  const { ipSendsPerMinute, ipSendsPerHour } = key.policy;
  return [
    { name: "ip-sends-minute", id, quota: ipSendsPerMinute, windowSeconds: minute },
    { name: "ip-sends-hour", id, quota: ipSendsPerHour, windowSeconds: hour },
  ];
}

/** Checks for one address of an end user (IPv6: its /64). */
export async function endUserCheckLimit(services: Services, key: KnownKey, endUserIp: string): Promise<Limit> {
  const id = await pseudonym(services, key, "ip", networkOf(endUserIp));
  return { name: "ip-checks", id, quota: key.policy.ipChecksPer5Minutes, windowSeconds: 5 * minute };
}

/** Sends for one account of the integrator. */
export async function accountSendLimit(services: Services, key: KnownKey, account: string): Promise<Limit> {
  const id = await pseudonym(services, key, "account", account);
  return { name: "account-sends", id, quota: key.policy.accountSendsPerHour, windowSeconds: hour };
}

/** Sends of the whole workspace; fewer in its first seven days. Test keys have a limit of their own. `at` in milliseconds. */
export function workspaceSendLimits(key: KnownKey, at: number, cost = 1): Limit[] {
  const { sendsPerDay, firstWeekSendsPerDay, testSendsPerDay } = key.quota;
  const isNew = at < key.workspaceCreatedAt + firstWeekMs;
  const liveQuota = isNew ? Math.min(firstWeekSendsPerDay, sendsPerDay) : sendsPerDay;
  const quota = key.environment === "test" ? testSendsPerDay : liveQuota;
  return [{ name: "workspace-sends", id: key.environment, quota, windowSeconds: day, cost }];
}

/** Messages to one number. Not for test keys: the sandbox has few numbers. */
export async function recipientLimits(services: Services, key: KnownKey, e164: string): Promise<Limit[]> {
  if (key.environment === "test") return [];
  const id = await pseudonym(services, key, "recipient", e164);
  const { messagesPerRecipientPerHour, messagesPerRecipientPerDay } = key.policy;
  return [
    { name: "recipient-hour", id, quota: messagesPerRecipientPerHour, windowSeconds: hour },
    { name: "recipient-day", id, quota: messagesPerRecipientPerDay, windowSeconds: day },
  ];
}

/** Looks at one verification. */
export const pollLimit = (key: KnownKey, verificationId: string): Limit => ({
  name: "polls",
  id: verificationId,
  quota: key.policy.statusPollsPerMinute,
  windowSeconds: minute,
});

/** Numbers that a workspace asks about; `cost` is how many. */
export const reachabilityLimits = (key: KnownKey, cost = 1): Limit[] => [
  { name: "reachability-minute", id: key.environment, quota: 20, windowSeconds: minute, cost },
  { name: "reachability-day", id: key.environment, quota: 200, windowSeconds: day, cost },
];

/** Changes of the workspace, each a row of the audit log. */
export const changeLimit = (key: KnownKey): Limit => ({
  name: "changes",
  id: key.environment,
  quota: key.quota.changesPerDay,
  windowSeconds: day,
});

/** Keys created or rotated: a new key starts with a full limit, and its row stays after it has ended. */
export const newKeyLimit = (key: KnownKey): Limit[] => [
  { name: "new-keys", id: key.environment, quota: key.quota.keysPerHour, windowSeconds: hour },
];

/** Each of them opens a connection to WhatsApp, and a connector remembers it for months after it was deleted. */
export const sessionCreateLimit = (key: KnownKey): Limit[] => [
  { name: "session-creates", id: key.environment, quota: 100, windowSeconds: hour },
];

/** What makes connectors close connections to WhatsApp and open others. */
export const sessionChangeLimit = (key: KnownKey): Limit[] => [
  { name: "session-changes", id: key.environment, quota: 120, windowSeconds: minute },
];

/** Each test calls an address of the workspace's choice, and is a row for 30 days. */
export const alertTestLimit = (key: KnownKey): Limit[] => [
  { name: "alert-tests", id: key.environment, quota: 20, windowSeconds: minute },
  { name: "alert-tests-day", id: key.environment, quota: 200, windowSeconds: day },
];

const encoder = new TextEncoder();

/** Redis learns neither addresses nor accounts. Rehearsals with a test key use up nothing of the real thing. */
function pseudonym({ phoneKey }: Services, key: KnownKey, kind: string, value: string): Promise<string> {
  const text = ["limit.v1", kind, key.workspaceId, key.environment, value].join("\0");
  return hmac(phoneKey.current.bytes, new Uint8Array(encoder.encode(text)));
}
