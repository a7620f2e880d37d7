/**
 * Files of messages. `media_object` lists the objects in the store that are to be deleted: those of deleted rows, and those
 * of uploads, until their row is stored. The names of this database's objects begin with the prefix in `media_store`:
 * objects of another database in the same bucket are not taken for forgotten ones.
 *
 * No key can give another one a scope that it does not have itself. So in a workspace where no key has `message:read`, the
 * keys that have all older scopes get it. Keys with fewer scopes do not.
 */
export const media = {
  name: "0036_media",
  statements: [
    `CREATE TABLE media (
      id TEXT PRIMARY KEY,
      workspace_id TEXT NOT NULL,
      test INTEGER NOT NULL,
      object_key TEXT NOT NULL,
      sealed_key TEXT NOT NULL,
      mime_type TEXT NOT NULL,
      size_bytes INTEGER NOT NULL,
      sha256 TEXT NOT NULL,
      file_name TEXT,
      created_by TEXT,
      session_id TEXT,
      upload_id TEXT,
      expires_at INTEGER,
      used_until INTEGER NOT NULL DEFAULT 0,
      created_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX media_workspace ON media (workspace_id, id)`,
    `CREATE INDEX media_expires ON media (expires_at) WHERE expires_at IS NOT NULL`,
    `CREATE UNIQUE INDEX media_upload ON media (session_id, upload_id) WHERE upload_id IS NOT NULL`,
    `CREATE UNIQUE INDEX media_object_key ON media (object_key)`,
    `CREATE TABLE media_object (
      object_key TEXT PRIMARY KEY,
      part_upload_id TEXT,
      delete_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX media_object_due ON media_object (delete_at)`,
    `CREATE TABLE media_store (prefix TEXT NOT NULL) STRICT`,
    `INSERT INTO media_store (prefix) VALUES (lower(hex(randomblob(8))))`,
    `CREATE TRIGGER media_deleted AFTER DELETE ON media BEGIN
      INSERT INTO media_object (object_key, delete_at) VALUES (OLD.object_key, 0) ON CONFLICT DO UPDATE SET delete_at = 0;
    END`,
    `UPDATE api_key SET scopes = '["otp:send","otp:check","otp:custom","otp:reveal","otp:approve","lookup:read","message:send","message:read","session:manage","group:manage","webhook:manage","analytics:read","key:manage"]'
      WHERE environment = 'live' AND revoked_at IS NULL
      AND (SELECT count(DISTINCT value) FROM json_each(api_key.scopes) WHERE value IN ('otp:send', 'otp:check', 'otp:custom',
        'otp:reveal', 'otp:approve', 'lookup:read', 'message:send', 'session:manage', 'group:manage', 'webhook:manage',
        'analytics:read', 'key:manage')) = 12
      AND workspace_id NOT IN (SELECT k.workspace_id FROM api_key k CROSS JOIN json_each(k.scopes) s
        WHERE s.value = 'message:read' AND k.revoked_at IS NULL)`,
  ],
};
