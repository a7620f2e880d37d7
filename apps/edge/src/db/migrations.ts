import type { Migration } from "@sandi/libsql";
import { accounts } from "./accounts.ts";
import { alertDigests } from "./alert-digests.ts";
import { approval } from "./approval.ts";
import { checkedElsewhere } from "./checked-elsewhere.ts";
import { budgets } from "./budgets.ts";
import { history } from "./history.ts";
import { keyOwners } from "./key-owners.ts";
import { senders } from "./senders.ts";
import { incidents } from "./incidents.ts";
import { numbers } from "./numbers.ts";
import { sessionFigures } from "./session-figures.ts";
import { sessionHistory } from "./session-history.ts";

/** The edge's schema, step by step. Times are milliseconds; every tenant index leads with the workspace. */
export const migrations: readonly Migration[] = [
  {
    name: "0001_foundation",
    statements: [
      `CREATE TABLE workspace (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL
      ) STRICT`,
      `CREATE TABLE user (
        id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspace(id), email TEXT NOT NULL,
        password_hash TEXT NOT NULL, role TEXT NOT NULL, created_at INTEGER NOT NULL
      ) STRICT`,
      `CREATE UNIQUE INDEX user_email ON user(email)`,
      `CREATE TABLE api_key (
        id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspace(id), name TEXT NOT NULL,
        hash TEXT NOT NULL, prefix TEXT NOT NULL, environment TEXT NOT NULL, scopes TEXT NOT NULL,
        expires_at INTEGER, revoked_at INTEGER, last_used_at INTEGER, created_at INTEGER NOT NULL
      ) STRICT`,
      `CREATE UNIQUE INDEX api_key_hash ON api_key(hash)`,
      `CREATE INDEX api_key_workspace ON api_key(workspace_id)`,
      `CREATE TABLE session (
        id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspace(id), name TEXT NOT NULL,
        state TEXT NOT NULL, reason TEXT, phone TEXT, state_seq INTEGER NOT NULL DEFAULT 0,
        desired TEXT NOT NULL, revision INTEGER NOT NULL, acked_revision INTEGER NOT NULL DEFAULT 0,
        publish_after INTEGER NOT NULL, publish_count INTEGER NOT NULL,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
      ) STRICT`,
      `CREATE INDEX session_workspace ON session(workspace_id, id)`,
      `CREATE INDEX session_unpublished ON session(publish_after) WHERE acked_revision < revision`,
      `CREATE TABLE verification (
        id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, to_hash TEXT NOT NULL, to_masked TEXT NOT NULL,
        purpose TEXT NOT NULL, status TEXT NOT NULL, mode TEXT NOT NULL, code_mac TEXT, sealed_code TEXT,
        attempts_left INTEGER NOT NULL, sends_left INTEGER NOT NULL, next_send_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, approved_at INTEGER, message_id TEXT NOT NULL, metadata TEXT NOT NULL,
        test INTEGER NOT NULL, last_check TEXT, void_checks TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
      ) STRICT`,
      `CREATE UNIQUE INDEX verification_one_pending ON verification(workspace_id, to_hash, purpose) WHERE status = 'pending'`,
      `CREATE INDEX verification_canceled ON verification(workspace_id, to_hash, purpose) WHERE status = 'canceled'`,
      `CREATE INDEX verification_lapsing ON verification(expires_at) WHERE status = 'pending'`,
      `CREATE INDEX verification_created ON verification(created_at)`,
      `CREATE TABLE destination_budget (
        workspace_id TEXT NOT NULL, to_hash TEXT NOT NULL, consecutive INTEGER NOT NULL, locked_until INTEGER NOT NULL,
        PRIMARY KEY (workspace_id, to_hash)
      ) STRICT`,
      `CREATE TABLE message (
        id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, session_id TEXT NOT NULL, verification_id TEXT,
        to_masked TEXT NOT NULL, template TEXT, sealed TEXT, status TEXT NOT NULL, failure TEXT,
        claimed_by TEXT, claim_until INTEGER, claim_fence INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0,
        publish_after INTEGER NOT NULL, publish_count INTEGER NOT NULL, expires_at INTEGER NOT NULL,
        sent_at INTEGER, delivered_at INTEGER, read_at INTEGER,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
      ) STRICT`,
      `CREATE INDEX message_verification ON message(verification_id) WHERE verification_id IS NOT NULL`,
      `CREATE INDEX message_unsent ON message(publish_after) WHERE status IN ('queued', 'sending')`,
      `CREATE INDEX message_unsent_session ON message(session_id) WHERE status IN ('queued', 'sending')`,
      `CREATE INDEX message_created_code ON message(created_at) WHERE verification_id IS NOT NULL`,
      `CREATE INDEX message_created_text ON message(created_at) WHERE verification_id IS NULL`,
      `CREATE TABLE idempotency (
        workspace_id TEXT NOT NULL, key_hash TEXT NOT NULL, fingerprint TEXT NOT NULL, resource_id TEXT NOT NULL,
        response TEXT, created_at INTEGER NOT NULL, PRIMARY KEY (workspace_id, key_hash)
      ) STRICT`,
      `CREATE INDEX idempotency_created ON idempotency(created_at)`,
    ],
  },
  {
    name: "0002_verifications_complete",
    statements: [
      `ALTER TABLE workspace ADD COLUMN policy TEXT NOT NULL DEFAULT '{}'`,
      `ALTER TABLE workspace ADD COLUMN quota TEXT NOT NULL DEFAULT '{}'`,
      `ALTER TABLE api_key ADD COLUMN ip_allow_list TEXT NOT NULL DEFAULT '[]'`,
      `ALTER TABLE api_key ADD COLUMN replaced_by TEXT`,
      `ALTER TABLE message ADD COLUMN test INTEGER NOT NULL DEFAULT 0`,
      `ALTER TABLE message ADD COLUMN revoke_until INTEGER`,
      `ALTER TABLE message ADD COLUMN sandbox_steps TEXT`,
      // Ids sort by time: what is old is found by workspace and id.
      `DROP INDEX message_created_code`,
      `DROP INDEX message_created_text`,
      `CREATE INDEX message_code ON message(workspace_id, id) WHERE verification_id IS NOT NULL`,
      `CREATE INDEX message_text ON message(workspace_id, id) WHERE verification_id IS NULL`,
      `CREATE INDEX message_lapsing ON message(expires_at) WHERE status IN ('queued', 'sending')`,
      `CREATE INDEX message_revoking ON message(publish_after) WHERE revoke_until IS NOT NULL`,
      `CREATE INDEX message_rehearsing ON message(workspace_id) WHERE sandbox_steps IS NOT NULL`,
      // A verification that waits for the user's message has none of its own: message_id may be NULL from here on.
      `ALTER TABLE verification RENAME TO verification_before`,
      `CREATE TABLE verification (
        id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, to_hash TEXT NOT NULL, global_hash TEXT NOT NULL,
        to_masked TEXT NOT NULL, country TEXT NOT NULL, prefix TEXT NOT NULL, purpose TEXT NOT NULL, status TEXT NOT NULL, mode TEXT NOT NULL,
        session_id TEXT NOT NULL, template_id TEXT NOT NULL, locale TEXT NOT NULL, text TEXT NOT NULL, renewed_by TEXT NOT NULL,
        code_mac TEXT, sealed_code TEXT, code_length INTEGER NOT NULL,
        attempts_left INTEGER NOT NULL, sends_left INTEGER NOT NULL, next_send_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, approved_at INTEGER, approved_by TEXT, message_id TEXT, metadata TEXT NOT NULL,
        bind TEXT, client_binding TEXT, has_known_code INTEGER NOT NULL DEFAULT 0,
        token_mac TEXT, inbound_variant TEXT, received_at INTEGER, progress INTEGER NOT NULL DEFAULT 0,
        test INTEGER NOT NULL, last_check TEXT, void_checks TEXT NOT NULL DEFAULT '',
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
      ) STRICT`,
      `INSERT INTO verification (id, workspace_id, to_hash, global_hash, to_masked, country, prefix, purpose, status, mode,
          session_id, template_id, locale, text, renewed_by, code_mac, sealed_code, code_length, attempts_left, sends_left, next_send_at, expires_at,
          approved_at, approved_by, message_id, metadata, test, last_check, void_checks, created_at, updated_at)
        SELECT b.id, b.workspace_id, b.to_hash, '', b.to_masked, '', '', b.purpose, b.status, b.mode,
          coalesce((SELECT session_id FROM message m WHERE m.id = b.message_id), ''), '', 'en', '', '', b.code_mac, b.sealed_code, 6,
          b.attempts_left, b.sends_left, b.next_send_at, b.expires_at, b.approved_at,
          CASE WHEN b.approved_at IS NULL THEN NULL ELSE 'code' END, b.message_id, b.metadata, b.test, b.last_check,
          b.void_checks, b.created_at, b.updated_at
        FROM verification_before b`,
      `DROP TABLE verification_before`,
      `CREATE UNIQUE INDEX verification_one_pending ON verification(workspace_id, to_hash, purpose) WHERE status = 'pending'`,
      `CREATE INDEX verification_workspace ON verification(workspace_id, id)`,
      `CREATE INDEX verification_to ON verification(workspace_id, to_hash, id)`,
      `CREATE INDEX verification_lapsing ON verification(expires_at) WHERE status = 'pending'`,
      `CREATE UNIQUE INDEX verification_token ON verification(token_mac) WHERE token_mac IS NOT NULL`,
      // The failures of the running hour, and how often the destination was locked in a row.
      `ALTER TABLE destination_budget ADD COLUMN failures INTEGER NOT NULL DEFAULT 0`,
      `ALTER TABLE destination_budget ADD COLUMN failures_from INTEGER NOT NULL DEFAULT 0`,
      `ALTER TABLE destination_budget ADD COLUMN locks INTEGER NOT NULL DEFAULT 0`,
      `ALTER TABLE destination_budget ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0`,
      `CREATE INDEX destination_budget_updated ON destination_budget(updated_at)`,
      // Sends to a destination in the running ten minutes, hour and day; workspace '' counts over all of them.
      `CREATE TABLE destination_send (
        workspace_id TEXT NOT NULL, to_hash TEXT NOT NULL,
        short_from INTEGER NOT NULL, short_count INTEGER NOT NULL, hour_from INTEGER NOT NULL, hour_count INTEGER NOT NULL,
        day_from INTEGER NOT NULL, day_count INTEGER NOT NULL, PRIMARY KEY (workspace_id, to_hash)
      ) STRICT, WITHOUT ROWID`,
      `CREATE INDEX destination_send_day ON destination_send(day_from)`,
      `CREATE TABLE prefix_guard (
        workspace_id TEXT NOT NULL, prefix TEXT NOT NULL, blocked_until INTEGER NOT NULL, strikes INTEGER NOT NULL,
        sends INTEGER NOT NULL, approved INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (workspace_id, prefix)
      ) STRICT, WITHOUT ROWID`,
      // value: hash of a number, a prefix, a country, or the first address of a range whose last is value_to.
      `CREATE TABLE access_rule (
        id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, effect TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,
        value_to TEXT NOT NULL, label TEXT NOT NULL, note TEXT, expires_at INTEGER, created_at INTEGER NOT NULL
      ) STRICT`,
      `CREATE INDEX access_rule_lapsing ON access_rule(expires_at) WHERE expires_at IS NOT NULL`,
      `CREATE UNIQUE INDEX access_rule_value ON access_rule(workspace_id, kind, value, value_to)`,
      `CREATE TABLE warm_contact (
        workspace_id TEXT NOT NULL, to_hash TEXT NOT NULL, session_id TEXT NOT NULL, last_at INTEGER NOT NULL,
        PRIMARY KEY (workspace_id, to_hash, session_id)
      ) STRICT, WITHOUT ROWID`,
      `CREATE INDEX warm_contact_last ON warm_contact(last_at)`,
      `CREATE TABLE template (
        id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, name TEXT NOT NULL, purpose TEXT, texts TEXT NOT NULL,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
      ) STRICT`,
      `CREATE UNIQUE INDEX template_name ON template(workspace_id, name)`,
      `CREATE UNIQUE INDEX template_purpose ON template(workspace_id, purpose) WHERE purpose IS NOT NULL`,
      `CREATE TABLE audit (
        id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
        detail TEXT NOT NULL, created_at INTEGER NOT NULL
      ) STRICT`,
      `CREATE INDEX audit_workspace ON audit(workspace_id, id)`,
      `CREATE TABLE bootstrap (token_hash TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, used_at INTEGER NOT NULL) STRICT`,
      `ALTER TABLE idempotency ADD COLUMN status INTEGER`,
      // The answer holds a revealed code: it is sealed, and forgotten with the code.
      `ALTER TABLE idempotency ADD COLUMN is_sealed INTEGER NOT NULL DEFAULT 0`,
      `CREATE INDEX idempotency_sealed ON idempotency(resource_id) WHERE is_sealed = 1`,
      `CREATE TRIGGER revealed_code_forgotten AFTER UPDATE OF status ON verification
        WHEN NEW.status <> 'pending' AND NEW.has_known_code = 1 BEGIN
        UPDATE idempotency SET response = NULL, is_sealed = 0 WHERE resource_id = NEW.id AND is_sealed = 1;
      END`,
      ...history,
    ],
  },
  {
    name: "0003_hooks",
    statements: [
      `CREATE TABLE supabase_hook (
        id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, name TEXT NOT NULL, company_name TEXT, locale TEXT, template_id TEXT,
        secret TEXT NOT NULL, previous_secret TEXT, previous_until INTEGER,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
      ) STRICT`,
      `CREATE INDEX supabase_hook_workspace ON supabase_hook(workspace_id, id)`,
    ],
  },
  {
    name: "0004_traces",
    statements: [`ALTER TABLE message ADD COLUMN traceparent TEXT`],
  },
  { name: "0004_session_history", statements: sessionHistory },
  { name: "0005_pools", statements: senders },
  { name: "0005_incidents", statements: incidents },
  { name: "0006_session_figures", statements: sessionFigures },
  { name: "0007_alert_digests", statements: alertDigests },
  { name: "0008_approval", statements: approval },
  { name: "0009_key_owners", statements: keyOwners },
  { name: "0010_numbers", statements: numbers },
  { name: "0011_budgets", statements: budgets },
  { name: "0012_accounts", statements: accounts },
  { name: "0013_checked_elsewhere", statements: checkedElsewhere },
];
