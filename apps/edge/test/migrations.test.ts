import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@libsql/client";
import { accountFailures, scopes } from "@sandi/contracts";
import { createDatabase, migrate } from "@sandi/libsql";
import { afterEach, beforeEach, expect, it } from "vitest";
import { latencyFloors } from "../src/analytics/figures.ts";
import { slotMs } from "../src/events/session-statements.ts";
import { halfHourMs } from "../src/sessions/sender-score.ts";
import type { Tables } from "../src/db/schema.ts";
import { jobKinds } from "../src/features.ts";
import { publishDue } from "../src/jobs/publish-due.ts";
import { settleSandbox } from "../src/messages/sandbox.ts";
import type { Job, Services } from "../src/services.ts";
import { migrateDatabase, migrations } from "../src/setup.ts";

let folder: string;
let client: Client;
const now = new Date("2026-11-21T08:00:00Z");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sandi-edge-"));
  client = createClient({ url: `file:${join(folder, "edge.db")}` });
});
afterEach(() => {
  client.close();
  rmSync(folder, { recursive: true, force: true });
});

it("a database of the first schema keeps its verifications, messages and keys, and takes new ones", async () => {
  await migrate(client, migrations.slice(0, 1), now);
  await client.batch([
    "INSERT INTO workspace (id, name, created_at) VALUES ('ws_1', 'Acme', 0)",
    `INSERT INTO api_key (id, workspace_id, name, hash, prefix, environment, scopes, created_at)
      VALUES ('key_1', 'ws_1', 'k', 'h', 'p', 'live', '[]', 0)`,
    `INSERT INTO message (id, workspace_id, session_id, verification_id, to_masked, template, status, publish_after,
      publish_count, expires_at, created_at, updated_at)
      VALUES ('msg_1', 'ws_1', 'ses_1', 'ver_1', '+62•••1', 't', 'sent', 0, 1, 9, 1, 2)`,
    `INSERT INTO verification (id, workspace_id, to_hash, to_masked, purpose, status, mode, code_mac, sealed_code,
      attempts_left, sends_left, next_send_at, expires_at, message_id, metadata, test, created_at, updated_at)
      VALUES ('ver_1', 'ws_1', 'h', '+62•••1', 'login', 'pending', 'push', 'mac', 'sealed', 5, 4, 3, 9, 'msg_1', '{}', 0, 1, 2)`,
  ]);
  const applied = await migrateDatabase(client, now);
  expect(applied).toEqual(migrations.slice(1).map(({ name }) => name));
  const { rows } = await client.execute(
    "SELECT id, session_id, code_mac, sealed_code, attempts_left, code_length FROM verification",
  );
  expect(rows.map((row) => Object.fromEntries(Object.entries(row)))).toEqual([
    { id: "ver_1", session_id: "ses_1", code_mac: "mac", sealed_code: "sealed", attempts_left: 5, code_length: 6 },
  ]);
  const messages = await client.execute("SELECT id, type FROM message");
  expect(messages.rows.map(({ id, type }) => [id, type])).toEqual([["msg_1", "code"]]);
  // The history begins with what happens from now on.
  await client.execute("UPDATE verification SET status = 'approved', updated_at = 5 WHERE id = 'ver_1'");
  const told = await client.execute("SELECT type FROM event");
  expect(told.rows.map(({ type }) => type)).toEqual(["verification.approved"]);
  expect(await migrateDatabase(client, now)).toEqual([]);
});

it("what an older database had still to publish is published by the first cron", async () => {
  const before = migrations.findIndex(({ name }) => name === "0015_jobs");
  await migrate(client, migrations.slice(0, before), now);
  const at = now.getTime();
  const message = (
    id: string,
    more: string,
  ) => `INSERT INTO message (id, workspace_id, session_id, verification_id, to_masked,
    status, claim_until, publish_after, publish_count, expires_at, test, revoke_until, traceparent, created_at, updated_at)
    VALUES ('${id}', 'ws_1', 'ses_1', ${more}, ${at}, ${at})`;
  await client.batch([
    "INSERT INTO workspace (id, name, created_at) VALUES ('ws_1', 'Acme', 0)",
    `INSERT INTO session (id, workspace_id, name, state, desired, revision, acked_revision, publish_after, publish_count,
      created_at, updated_at, pool_id) VALUES ('ses_1', 'ws_1', 'a', 'online', 'running', 3, 2, 0, 2, 0, 0, 'p'),
      ('ses_2', 'ws_1', 'b', 'online', 'running', 3, 3, 0, 2, 0, 0, 'p')`,
    message("msg_text", `NULL, '', 'queued', NULL, 0, 4, ${at + 1}, 0, NULL, '00-trace'`),
    message("msg_code", `'ver_1', '', 'sending', ${at - 1}, 0, 1, ${at + 1}, 0, NULL, NULL`),
    message("msg_held", `'ver_1', '', 'sending', ${at + 1}, 0, 1, ${at + 1}, 0, NULL, NULL`),
    message("msg_sent", `'ver_1', '', 'delivered', NULL, 0, 1, ${at + 1}, 0, ${at + 9}, NULL`),
    message("msg_done", `'ver_1', '', 'sent', NULL, 0, 1, ${at + 1}, 0, NULL, NULL`),
    message("msg_test", `NULL, '', 'queued', NULL, 0, 1, ${at + 1}, 1, NULL, NULL`),
    `INSERT INTO alert_channel (id, workspace_id, kind, name, target, label, after_seconds, quiet, created_at, updated_at)
      VALUES ('alc_1', 'ws_1', 'slack', 'a', '', '', 0, '[]', 0, 0)`,
    `INSERT INTO alert_delivery (id, workspace_id, channel_id, what, times, content, publish_after, publish_count, created_at)
      VALUES ('dlv_1', 'ws_1', 'alc_1', 'test', 1, '{}', 0, 7, ${at})`,
  ]);
  await migrateDatabase(client, now);
  const published: Job[] = [];
  const publishAll = (jobs: readonly Job[]) => Promise.resolve(void published.push(...jobs));
  const services = { db: createDatabase<Tables>(client), now: () => now, cronRounds: 1, publishAll, log: () => {} };
  expect(await publishDue(services as unknown as Services, jobKinds)).toBe(5);
  expect(published.map(({ deduplicationId }) => deduplicationId)).toEqual([
    "ses_1.3.3",
    "msg_code.2",
    "msg_sent.revoke.2",
    "dlv_1.0.8",
    "msg_text.5",
  ]);
  expect(published.at(-1)).toMatchObject({ body: { lane: "bulk", pacing: "normal" }, traceparent: "00-trace" });
  expect(published[2]!.body).toMatchObject({ expiresAt: new Date(at + 9).toISOString() });
});

it("the sandbox goes on with what an older database had begun", async () => {
  const before = migrations.findIndex(({ name }) => name === "0021_sandbox_steps");
  await migrate(client, migrations.slice(0, before), now);
  const at = now.getTime();
  const message = (id: string, status: string, steps: string) =>
    `INSERT INTO message (id, workspace_id, session_id, to_masked, status, sandbox_steps, expires_at, test, created_at, updated_at)
      VALUES ('${id}', 'ws_1', '', '', '${status}', ${steps}, ${at + 9000}, 1, ${at - 9}, ${at - 9})`;
  await client.batch([
    message("msg_due", "sent", `'{"delivered":${at - 1}}'`),
    message("msg_later", "sent", `'{"delivered":${at + 1}}'`),
    message("msg_over", "canceled", `'{"delivered":${at - 1}}'`),
    message("msg_none", "read", `'{}'`),
    message("msg_live", "sent", "NULL"),
  ]);
  await migrateDatabase(client, now);
  const db = createDatabase<Tables>(client);
  await db.write(settleSandbox(db, at));
  const { rows } = await client.execute("SELECT id, status, delivered_at FROM message ORDER BY id");
  expect(rows.map((row) => [row["id"], row["status"], row["delivered_at"]])).toEqual([
    ["msg_due", "delivered", at - 1],
    ["msg_later", "sent", null],
    ["msg_live", "sent", null],
    ["msg_none", "read", null],
    ["msg_over", "canceled", null],
  ]);
  await db.write(settleSandbox(db, at + 1));
  const { rows: later } = await client.execute("SELECT delivered_at FROM message WHERE id = 'msg_later'");
  expect(later).toMatchObject([{ delivered_at: at + 1 }]);
  expect((await client.execute("SELECT * FROM job")).rows).toEqual([]);
});

const alertDelivery = (id: string, incident: string, more: string) =>
  `INSERT INTO alert_delivery (id, workspace_id, channel_id, incident_id, what, times, content, status, digest_id, created_at)
    VALUES ('${id}', 'ws_1', 'alc_1', ${incident}, ${more}, 1)`;

it("alert channels and their deliveries become endpoints and deliveries", async () => {
  const before = migrations.findIndex(({ name }) => name === "0018_outbound");
  await migrate(client, migrations.slice(0, before), now);
  await client.batch([
    `INSERT INTO alert_channel (id, workspace_id, kind, name, target, label, after_seconds, quiet, failures_in_row,
      created_by, created_at, updated_at)
      VALUES ('alc_1', 'ws_1', 'slack', 'a', 'sealed', 'l', 60, '["limited"]', 3, 'key_1', 1, 2)`,
    alertDelivery("dlv_2", "'inc_1'", "'opened', 1, '{}', 'folded', 'dlv_3'"),
    alertDelivery("dlv_3", "NULL", "'opened', 1, '{}', 'queued', NULL"),
    alertDelivery("dlv_1", "'inc_1'", `'again', 2, '{"times":2}', 'delivered', NULL`),
    `INSERT INTO job (kind, subject_id, workspace_id, publish_after, publish_count) VALUES ('alert', 'dlv_3', 'ws_1', 5, 2)`,
  ]);
  await migrateDatabase(client, now);
  const rows = async (query: string) => (await client.execute(query)).rows.map((row) => Object.values(row));
  expect(
    await rows("SELECT id, topic, kind, target, settings, failures_in_row, created_by, updated_at FROM endpoint"),
  ).toEqual([["alc_1", "alert", "slack", "sealed", '{"afterSeconds":60,"mutedKinds":["limited"]}', 3, "key_1", 2]]);
  expect(
    await rows("SELECT id, endpoint_id, subject_id, type, times, status, digest_id FROM delivery ORDER BY rowid"),
  ).toEqual([
    ["dlv_2", "alc_1", "inc_1", "opened", 1, "in_digest", "dlv_3"],
    ["dlv_3", "alc_1", null, "opened", 1, "queued", null],
    ["dlv_1", "alc_1", "inc_1", "reopened", 2, "delivered", null],
  ]);
  expect(await rows("SELECT kind, subject_id, publish_count FROM job")).toEqual([["delivery", "dlv_3", 2]]);
  await client.execute("DELETE FROM endpoint");
  expect(await rows("SELECT id FROM delivery")).toEqual([]);
});

it("a workspace that chose to keep its audit log for long is granted that, and nothing else", async () => {
  const before = migrations.findIndex(({ name }) => name === "0011_budgets");
  await migrate(client, migrations.slice(0, before), now);
  await client.batch([
    `INSERT INTO workspace (id, name, policy, quota, created_at) VALUES
      ('ws_1', 'Long', '{"retentionDays":{"audit":3650,"messages":9}}', '{"sendsPerDay":7}', 0),
      ('ws_2', 'Short', '{"retentionDays":{"audit":90}}', '{}', 0), ('ws_3', 'Plain', '{}', '{}', 0)`,
  ]);
  await migrateDatabase(client, now);
  const { rows } = await client.execute("SELECT quota FROM workspace ORDER BY id");
  expect(rows.map(({ quota }) => quota)).toEqual(['{"sendsPerDay":7,"retentionDays":{"audit":3650}}', "{}", "{}"]);
});

const apiKey = (id: string, workspace: string, held: readonly string[], environment = "live") =>
  `INSERT INTO api_key (id, workspace_id, name, hash, prefix, environment, scopes, created_at)
    VALUES ('${id}', '${workspace}', 'k', '${id}', 'p', '${environment}', '${JSON.stringify(held)}', 0)`;

it("a key with all older scopes gets the scope for groups where no key has it", async () => {
  const before = migrations.findIndex(({ name }) => name === "0031_group_scope");
  await migrate(client, migrations.slice(0, before), now);
  const ofRelease = scopes.filter((scope) => !["message:read", "data:erase", "event:read"].includes(scope));
  const older = ofRelease.filter((scope) => scope !== "group:manage");
  await client.batch([
    "INSERT INTO workspace (id, name, created_at) VALUES ('ws_1', 'Old', 0), ('ws_2', 'New', 0)",
    apiKey("key_full", "ws_1", older),
    apiKey("key_full_too", "ws_1", older.toReversed()),
    apiKey("key_narrow", "ws_1", older.slice(1)),
    apiKey("key_test", "ws_1", older, "test"),
    apiKey("key_new", "ws_2", ofRelease),
    apiKey("key_chosen", "ws_2", older),
  ]);
  await migrateDatabase(client, now);
  const { rows } = await client.execute("SELECT id FROM api_key WHERE scopes LIKE '%group:manage%' ORDER BY id");
  expect(rows.map(({ id }) => id)).toEqual(["key_full", "key_full_too", "key_new"]);
  const full = await client.execute("SELECT scopes FROM api_key WHERE id = 'key_full'");
  expect(full.rows[0]).toMatchObject({ scopes: JSON.stringify(scopes) });
});

it("a key with all older scopes gets the scope to read messages where no key has it, and no other key does", async () => {
  const before = migrations.findIndex(({ name }) => name === "0036_media");
  await migrate(client, migrations.slice(0, before), now);
  const older = scopes.filter((scope) => !["message:read", "data:erase", "event:read"].includes(scope));
  await client.batch([
    "INSERT INTO workspace (id, name, created_at) VALUES ('ws_1', 'Old', 0), ('ws_2', 'Narrow', 0)",
    apiKey("key_full", "ws_1", older),
    apiKey("key_narrow", "ws_1", older.slice(1)),
    apiKey("key_test", "ws_1", older, "test"),
    apiKey("key_sender", "ws_2", ["message:send", "key:manage"]),
  ]);
  await migrateDatabase(client, now);
  const { rows } = await client.execute("SELECT id, scopes FROM api_key WHERE scopes LIKE '%message:read%'");
  expect(rows.map(({ id, scopes: held }) => [id, held])).toEqual([["key_full", JSON.stringify(scopes)]]);
});

it("a key with all older scopes gets the scope to erase people where no key has it, and no other key does", async () => {
  const before = migrations.findIndex(({ name }) => name === "0045_erasure");
  await migrate(client, migrations.slice(0, before), now);
  const older = scopes.filter((scope) => !["data:erase", "event:read"].includes(scope));
  await client.batch([
    "INSERT INTO workspace (id, name, created_at) VALUES ('ws_1', 'Old', 0), ('ws_2', 'New', 0)",
    apiKey("key_full", "ws_1", older),
    apiKey("key_narrow", "ws_1", older.slice(1)),
    apiKey("key_test", "ws_1", older, "test"),
    apiKey("key_new", "ws_2", ["key:manage", "data:erase"]),
    apiKey("key_chosen", "ws_2", older),
  ]);
  await migrateDatabase(client, now);
  const { rows } = await client.execute("SELECT id, scopes FROM api_key WHERE scopes LIKE '%data:erase%' ORDER BY id");
  expect(rows.map(({ id, scopes: held }) => [id, held])).toEqual([
    ["key_full", JSON.stringify(scopes)],
    ["key_new", JSON.stringify(["key:manage", "data:erase"])],
  ]);
});

it("a key with all older scopes gets the scope to read events where no key has it, and no other key does", async () => {
  const before = migrations.findIndex(({ name }) => name === "0047_webhooks");
  await migrate(client, migrations.slice(0, before), now);
  const older = scopes.filter((scope) => scope !== "event:read");
  await client.batch([
    "INSERT INTO workspace (id, name, created_at) VALUES ('ws_1', 'Old', 0), ('ws_2', 'New', 0)",
    apiKey("key_full", "ws_1", older),
    apiKey("key_narrow", "ws_1", older.slice(1)),
    apiKey("key_test", "ws_1", older, "test"),
    apiKey("key_new", "ws_2", ["key:manage", "event:read"]),
    apiKey("key_chosen", "ws_2", older),
  ]);
  await migrateDatabase(client, now);
  const { rows } = await client.execute("SELECT id FROM api_key WHERE scopes LIKE '%event:read%' ORDER BY id");
  expect(rows.map(({ id }) => id)).toEqual(["key_full", "key_new"]);
});

it("the triggers and the code agree on the numbers that both contain", async () => {
  await migrateDatabase(client, now);
  const { rows } = await client.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'");
  const texts = new Map(rows.map(({ name, sql }) => [name, (sql as string).replaceAll(/\s+/g, " ")]));
  const trigger = (name: string) => texts.get(name);
  const floors = await client.execute("SELECT floor_ms FROM latency_bucket ORDER BY floor_ms");
  expect(floors.rows.map(({ floor_ms: floor }) => floor)).toEqual([...new Set(latencyFloors)]);
  for (const name of ["message_moved", "message_settled"]) expect(trigger(name)).toContain(`/ ${slotMs} * ${slotMs}`);
  for (const name of ["message_settled", "message_rerouted"])
    expect(trigger(name)).toContain(`/ ${halfHourMs} * ${halfHourMs}`);
  const ofAccount = [...accountFailures, "refused"].map((reason) => `'${reason}'`).join(", ");
  expect(trigger("message_settled")).toContain(`NEW.failure IN (${ofAccount})`);
});
