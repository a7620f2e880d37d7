import { maxMediaBytes, mostRecipients, type Quota } from "@sandi/contracts";
import { hmac } from "@sandi/crypto";
import type { Actor } from "../actor.ts";
import type { Context } from "../context.ts";
import { networkOf } from "./network.ts";
import type { Limit } from "./limit.ts";

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const firstWeekMs = 7 * day * 1000;

/** Sends for one address of an end user (IPv6: its /64). */
export async function endUserSendLimits(ctx: Context, endUserIp: string): Promise<Limit[]> {
  const { actor } = ctx;
  const id = await pseudonym(ctx, "ip", networkOf(endUserIp));
  const { ipSendsPerMinute, ipSendsPerHour } = actor.policy;
  return [
    { name: "ip-sends-minute", id, quota: ipSendsPerMinute, windowSeconds: minute },
    { name: "ip-sends-hour", id, quota: ipSendsPerHour, windowSeconds: hour },
  ];
}

/** Checks for one address of an end user (IPv6: its /64). */
export async function endUserCheckLimit(ctx: Context, endUserIp: string): Promise<Limit> {
  const { actor } = ctx;
  const id = await pseudonym(ctx, "ip", networkOf(endUserIp));
  return { name: "ip-checks", id, quota: actor.policy.ipChecksPer5Minutes, windowSeconds: 5 * minute };
}

/** Sends for one account of the integrator. */
export async function accountSendLimit(ctx: Context, account: string): Promise<Limit> {
  const { actor } = ctx;
  const id = await pseudonym(ctx, "account", account);
  return { name: "account-sends", id, quota: actor.policy.accountSendsPerHour, windowSeconds: hour };
}

/** Sends of the whole workspace; fewer in its first seven days. Test keys have their own limit. `at` in milliseconds. */
export function workspaceSendLimits(actor: Actor, at: number, cost = 1): Limit[] {
  const { sendsPerDay, firstWeekSendsPerDay, testSendsPerDay } = actor.quota;
  const isNew = at < actor.workspaceCreatedAt + firstWeekMs;
  const liveQuota = isNew ? Math.min(firstWeekSendsPerDay, sendsPerDay) : sendsPerDay;
  const quota = actor.environment === "test" ? testSendsPerDay : liveQuota;
  return [{ name: "workspace-sends", id: actor.environment, quota, windowSeconds: day, cost }];
}

/** Recipients of batches, each a row until its time for messages is over. Their messages count as sends when they are made. */
export function batchLimit(actor: Actor, recipients: number): Limit {
  const [sends] = workspaceSendLimits(actor, Number.MAX_SAFE_INTEGER);
  const quota = Math.max(mostRecipients, 2 * (sends?.quota ?? 0));
  return { name: "batch-recipients", id: actor.environment, quota, windowSeconds: day, cost: recipients };
}

/** Messages to one number. They do not apply to test keys, because the sandbox has few numbers. */
export async function recipientLimits(ctx: Context, e164: string, cost = 1): Promise<Limit[]> {
  const { actor } = ctx;
  if (actor.environment === "test") return [];
  const id = await pseudonym(ctx, "recipient", e164);
  const { messagesPerRecipientPerHour, messagesPerRecipientPerDay } = actor.policy;
  return [
    { name: "recipient-hour", id, quota: messagesPerRecipientPerHour, windowSeconds: hour, cost },
    { name: "recipient-day", id, quota: messagesPerRecipientPerDay, windowSeconds: day, cost },
  ];
}

/** Reads of one verification. */
export const pollLimit = (actor: Actor, verificationId: string): Limit => ({
  name: "polls",
  id: verificationId,
  quota: actor.policy.statusPollsPerMinute,
  windowSeconds: minute,
});

/** Numbers in reachability checks; `cost` is their count. */
export const reachabilityLimits = (actor: Actor, cost = 1): Limit[] => [
  { name: "reachability-minute", id: actor.environment, quota: 20, windowSeconds: minute, cost },
  { name: "reachability-day", id: actor.environment, quota: 200, windowSeconds: day, cost },
];

/** Reads of groups. Each asks WhatsApp. */
export const groupReadLimits = (actor: Actor): Limit[] => [
  { name: "groups-minute", id: actor.environment, quota: 60, windowSeconds: minute },
  { name: "groups-day", id: actor.environment, quota: 2_000, windowSeconds: day },
];

/** Files of received messages that somebody asks for. Each may ask the phone. */
export const mediaFetchLimits = (actor: Actor): Limit[] => [
  { name: "media-fetches-minute", id: actor.environment, quota: 60, windowSeconds: minute },
  { name: "media-fetches-day", id: actor.environment, quota: 2_000, windowSeconds: day },
];

/** Files that sessions receive. Counted apart from uploads, so that strangers cannot use up the limit of those. */
export const receivedMediaLimit = ({ mediaMegabytesPerDay }: Quota, bytes: number): Limit => ({
  name: "received-megabytes",
  id: "live",
  quota: mediaMegabytesPerDay,
  windowSeconds: day,
  cost: Math.ceil(bytes / 1_000_000),
});

/** Erasures of people. Each is a row for a year, and asks the connector of every session. */
export const erasureLimits = (actor: Actor): Limit[] => [
  { name: "erasures-minute", id: actor.environment, quota: 60, windowSeconds: minute },
  { name: "erasures-day", id: actor.environment, quota: 1_000, windowSeconds: day },
];

/** Actions on messages: edits, deletions, reactions, pins, stars and votes. Each is a request to WhatsApp. */
export const messageActionLimits = (actor: Actor): Limit[] => [
  { name: "actions-minute", id: actor.environment, quota: 60, windowSeconds: minute },
  { name: "actions-day", id: actor.environment, quota: 2_000, windowSeconds: day },
];

/** Files uploaded or fetched. Bytes whose number is not known yet cost as much as the largest file. */
export const mediaLimit = (actor: Actor, bytes: number | undefined): Limit => ({
  name: "media-megabytes",
  id: actor.environment,
  quota: actor.quota.mediaMegabytesPerDay,
  windowSeconds: day,
  cost: Math.max(1, Math.ceil((bytes ?? maxMediaBytes) / 1_000_000)),
});

/** Changes of the workspace, each a row of the audit log. */
export const changeLimit = (actor: Actor): Limit => ({
  name: "changes",
  id: actor.environment,
  quota: actor.quota.changesPerDay,
  windowSeconds: day,
});

/** Keys created or rotated. Limited because a new key starts with full limits, and its row stays after its end. */
export const newKeyLimit = (actor: Actor): Limit[] => [
  { name: "new-keys", id: actor.environment, quota: actor.quota.keysPerHour, windowSeconds: hour },
];

/** Sessions created. Each opens a connection to WhatsApp, and a connector stores it for months after its deletion. */
export const sessionCreateLimit = (actor: Actor): Limit[] => [
  { name: "session-creates", id: actor.environment, quota: 100, windowSeconds: hour },
];

/** Changes that make connectors close and open connections to WhatsApp. */
export const sessionChangeLimit = (actor: Actor): Limit[] => [
  { name: "session-changes", id: actor.environment, quota: 120, windowSeconds: minute },
];

/** Tests of alert channels. Each calls an address that the workspace chose, and is a row for 30 days. */
export const alertTestLimit = (actor: Actor): Limit[] => [
  { name: "alert-tests", id: actor.environment, quota: 20, windowSeconds: minute },
  { name: "alert-tests-day", id: actor.environment, quota: 200, windowSeconds: day },
];

/** Tests of webhooks. Each calls an address that the workspace chose, and is a row. */
export const webhookTestLimit = (actor: Actor): Limit[] => [
  { name: "webhook-tests", id: actor.environment, quota: 60, windowSeconds: minute },
  { name: "webhook-tests-day", id: actor.environment, quota: 2_000, windowSeconds: day },
];

/** Deliveries repeated by hand. */
export const webhookRetryLimit = (actor: Actor): Limit[] => [
  { name: "webhook-retries", id: actor.environment, quota: 120, windowSeconds: minute },
];

/** Replays onto webhooks. Each looks at many events. */
export const webhookReplayLimit = (actor: Actor): Limit[] => [
  { name: "webhook-replays", id: actor.environment, quota: 20, windowSeconds: minute },
  { name: "webhook-replays-day", id: actor.environment, quota: 200, windowSeconds: day },
];

const encoder = new TextEncoder();

/** A hash, so that Redis stores no personal data. Test and live keys have different hashes, and so separate counters. */
function pseudonym({ services, actor }: Context, kind: string, value: string): Promise<string> {
  const text = ["limit.v1", kind, actor.workspaceId, actor.environment, value].join("\0");
  return hmac(services.phoneKey.current.bytes, new Uint8Array(encoder.encode(text)));
}
