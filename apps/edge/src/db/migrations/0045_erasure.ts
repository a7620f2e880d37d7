/**
 * Erasures of people, and chats that proved to be one. `message.person_hash` is the hash of the other person's number, in
 * messages of people and of the account's phone. `chat_alias` leads from each former id of a chat to its id.
 *
 * No key can give another one a scope that it does not have itself. So in a workspace where no key has `data:erase`, the keys
 * that have all older scopes get it.
 */
export const erasure = {
  name: "0045_erasure",
  statements: [
    `ALTER TABLE message ADD COLUMN person_hash TEXT`,
    `CREATE INDEX message_person ON message (workspace_id, person_hash) WHERE person_hash IS NOT NULL`,
    `CREATE INDEX message_chat ON message (chat_id) WHERE chat_id IS NOT NULL`,
    `CREATE INDEX message_author ON message (person_id) WHERE person_id IS NOT NULL`,
    `CREATE INDEX chat_to ON chat (workspace_id, to_hash) WHERE to_hash IS NOT NULL`,
    `CREATE INDEX batch_item_to ON batch_item (workspace_id, to_hash) WHERE to_hash <> ''`,
    `CREATE TABLE chat_alias (
      id TEXT PRIMARY KEY,
      workspace_id TEXT NOT NULL,
      session_id TEXT NOT NULL,
      chat_id TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX chat_alias_chat ON chat_alias (chat_id)`,
    `CREATE INDEX chat_alias_session ON chat_alias (session_id)`,
    `CREATE TABLE erasure (
      id TEXT PRIMARY KEY,
      workspace_id TEXT NOT NULL,
      person TEXT,
      sealed TEXT,
      state TEXT NOT NULL,
      progress TEXT NOT NULL,
      due_at INTEGER,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      finished_at INTEGER
    ) STRICT`,
    `CREATE UNIQUE INDEX erasure_running ON erasure (workspace_id, person) WHERE person IS NOT NULL`,
    `CREATE INDEX erasure_due ON erasure (due_at) WHERE due_at IS NOT NULL`,
    `CREATE INDEX erasure_finished ON erasure (finished_at) WHERE finished_at IS NOT NULL`,
    `UPDATE api_key SET scopes = json_insert(scopes, '$[#]', 'data:erase')
      WHERE environment = 'live' AND revoked_at IS NULL
      AND (SELECT count(DISTINCT value) FROM json_each(api_key.scopes) WHERE value IN ('otp:send', 'otp:check', 'otp:custom',
        'otp:reveal', 'otp:approve', 'lookup:read', 'message:send', 'message:read', 'session:manage', 'group:manage',
        'webhook:manage', 'analytics:read', 'key:manage')) = 13
      AND workspace_id NOT IN (SELECT k.workspace_id FROM api_key k CROSS JOIN json_each(k.scopes) s
        WHERE s.value = 'data:erase' AND k.revoked_at IS NULL)`,
  ],
};
