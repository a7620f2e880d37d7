import { type Client, createClient } from "@libsql/client";
import { MessageStatus, VerificationStatus } from "@sandi/contracts";
import { createDatabase, type Database } from "@sandi/libsql";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Tables } from "../src/db/schema.ts";
import { messageLife, type MessageTransition, moveMessages } from "../src/messages/life.ts";
import { migrateDatabase } from "../src/setup.ts";
import {
  cancelMessagesOf,
  moveVerifications,
  verificationLife,
  type VerificationTransition,
} from "../src/verifications/life.ts";

let client: Client;
let db: Database<Tables>;
beforeEach(async () => {
  client = createClient({ url: ":memory:" });
  db = createDatabase<Tables>(client);
  await migrateDatabase(client, new Date(0));
});
afterEach(() => client.close());

const messages = MessageStatus.options;
const verifications = VerificationStatus.options;

/** Stores a message in each state, with everything that it can forget, and answers what a transition makes of them. */
async function moved(name: MessageTransition): Promise<Record<string, unknown>> {
  await client.batch(
    messages.map((status) => ({
      sql: `INSERT INTO message (id, workspace_id, session_id, to_masked, sealed, status, expires_at,
        created_at, updated_at) VALUES (?, 'ws_1', 'ses_1', '', 'sealed', ?, 9, 1, 1)`,
      args: [`msg_${status}`, status],
    })),
  );
  await client.execute("DELETE FROM event");
  await db.write([moveMessages(db, name, { which: sql`true`, at: 5 })]);
  const { rows } = await client.execute(
    `SELECT substr(id, 5) AS was, status, sealed IS NULL AS sealed FROM message
      WHERE updated_at = 5`,
  );
  return Object.fromEntries(rows.map(({ was, status, sealed }) => [was, `${status as string} ${Number(sealed)}`]));
}

describe("a message", () => {
  // Of each transition: from where, to where, and whether the text is forgotten.
  it.each<[MessageTransition, Record<string, string>]>([
    ["claim", { queued: "sending 0", sending: "sending 0" }],
    ["reroute", { queued: "queued 0", sending: "queued 0" }],
    [
      "send",
      {
        queued: "sent 1",
        sending: "sent 1",
        sent: "sent 1",
        delivered: "delivered 1",
        read: "read 1",
        failed: "sent 1",
        canceled: "sent 1",
      },
    ],
    [
      "deliver",
      {
        queued: "delivered 1",
        sending: "delivered 1",
        sent: "delivered 1",
        delivered: "delivered 1",
        read: "read 1",
        failed: "delivered 1",
        canceled: "delivered 1",
      },
    ],
    [
      "read",
      {
        queued: "read 1",
        sending: "read 1",
        sent: "read 1",
        delivered: "read 1",
        read: "read 1",
        failed: "read 1",
        canceled: "read 1",
      },
    ],
    [
      "play",
      {
        queued: "played 1",
        sending: "played 1",
        sent: "played 1",
        delivered: "played 1",
        read: "played 1",
        failed: "played 1",
        canceled: "played 1",
      },
    ],
    ["fail", { queued: "failed 1", sending: "failed 1" }],
    ["failForNow", { queued: "failed 0", sending: "failed 0" }],
    ["cancel", { queued: "canceled 1" }],
    ["release", { scheduled: "queued 0" }],
    ["lapse", { scheduled: "failed 0" }],
    ["unschedule", { scheduled: "canceled 1" }],
    ["hold", { queued: "scheduled 0" }],
    ["retry", { failed: "queued 0" }],
    [
      "revoke",
      {
        sending: "revoked 1",
        sent: "revoked 1",
        delivered: "revoked 1",
        read: "revoked 1",
        played: "revoked 1",
        received: "revoked 1",
      },
    ],
    ["revokeUnsent", { failed: "revoked 1" }],
  ])("that is to %s moves from these states and from no other", async (name, expected) => {
    expect(await moved(name)).toEqual(expected);
  });

  it("has no transition that this table does not name", () => {
    expect(Object.keys(messageLife)).toHaveLength(16);
  });

  it.each(["fail", "failForNow", "lapse", "cancel", "unschedule", "revoke", "revokeUnsent"] as const)(
    "that is to %s has an event for each message that moved",
    async (name) => {
      const rows = Object.keys(await moved(name));
      const { rows: events } = await client.execute("SELECT type, message_id FROM event ORDER BY message_id");
      expect(events.map(({ type, message_id: id }) => [type, id])).toEqual(
        rows.toSorted().map((was) => [messageLife[name].event, `msg_${was}`]),
      );
    },
  );
});

/** The same for verifications, each with a queued message; `secrets` counts what is kept. */
async function ended(name: VerificationTransition): Promise<Record<string, unknown>> {
  await client.batch(
    verifications.flatMap((status) => [
      {
        sql: `INSERT INTO verification (id, workspace_id, to_hash, global_hash, to_masked, country, prefix, purpose, status,
            mode, session_id, template_id, locale, text, renewed_by, code_mac, sealed_code, token_mac, code_length,
            attempts_left, sends_left, next_send_at, expires_at, metadata, test, created_at, updated_at)
          VALUES (?, 'ws_1', '', '', '', 'ID', '', '', ?, 'push', '', '', 'en', '', '', 'mac', 'code', ?, 6, 5, 4, 0, 9, '{}', 0, 1, 1)`,
        args: [`ver_${status}`, status, `token_${status}`],
      },
      {
        sql: `INSERT INTO message (id, workspace_id, session_id, verification_id, to_masked, status, expires_at, created_at,
          updated_at) VALUES (?, 'ws_1', 'ses_1', ?, '', 'queued', 9, 1, 1)`,
        args: [`msg_${status}`, `ver_${status}`],
      },
    ]),
  );
  await client.batch(["DELETE FROM event", "DELETE FROM conversion"]);
  await db.write([
    moveVerifications(db, name, { which: sql`true`, at: 5 }),
    cancelMessagesOf(db, sql`SELECT id FROM verification WHERE updated_at = 5`, 5),
  ]);
  const { rows } = await client.execute(
    `SELECT substr(v.id, 5) AS was, v.status, (code_mac IS NOT NULL) + (sealed_code IS NOT NULL) + (token_mac IS NOT NULL) AS secrets,
        m.status AS message FROM verification v JOIN message m ON m.verification_id = v.id WHERE v.updated_at = 5`,
  );
  return Object.fromEntries(
    rows.map(({ was, status, secrets, message }) => [
      was,
      `${status as string} ${Number(secrets)} ${message as string}`,
    ]),
  );
}

describe("a verification", () => {
  // All begin at `pending`. Of each: the new status, how many of three secrets are kept, and its queued message.
  it.each<[VerificationTransition, string]>([
    ["resend", "pending 3 queued"],
    ["receive", "pending 2 queued"],
    ["switch", "pending 3 queued"],
    ["miss", "pending 3 queued"],
    ["approve", "approved 0 canceled"],
    ["cancel", "canceled 0 canceled"],
    ["exhaust", "max_attempts_reached 0 canceled"],
    ["block", "blocked 0 canceled"],
    ["expire", "expired 0 queued"],
    ["giveUp", "undeliverable 0 queued"],
  ])("that is to %s is pending before, and then: %s", async (name, expected) => {
    expect(await ended(name)).toEqual({ pending: expected });
  });

  it("has no transition that this table does not name", () => {
    expect(Object.keys(verificationLife)).toHaveLength(10);
  });

  it.each(["approve", "cancel", "block", "expire", "giveUp"] as const)(
    "that is to %s has its event and its count",
    async (name) => {
      await ended(name);
      const { event, stage } = verificationLife[name];
      const { rows } = await client.execute("SELECT type FROM event WHERE message_id IS NULL");
      expect(rows.map(({ type }) => type)).toEqual([event]);
      const counts = await client.execute("SELECT stage, count FROM conversion");
      expect(counts.rows.map(({ stage: counted, count }) => [counted, count])).toEqual([[stage, 1]]);
    },
  );

  it("takes the first of several transitions whose condition is true", async () => {
    const names = [{ name: "approve", when: sql<boolean>`attempts_left = 1` }, { name: "miss" }] as const;
    await ended("resend");
    await db.write([moveVerifications(db, names, { which: sql`true`, at: 6 })]);
    expect((await client.execute("SELECT status, code_mac FROM verification WHERE updated_at = 6")).rows).toMatchObject(
      [{ status: "pending", code_mac: "mac" }],
    );
    await client.execute("UPDATE verification SET attempts_left = 1");
    await db.write([moveVerifications(db, names, { which: sql`true`, at: 7 })]);
    expect((await client.execute("SELECT status, code_mac FROM verification WHERE updated_at = 7")).rows).toMatchObject(
      [{ status: "approved", code_mac: null }],
    );
  });
});
