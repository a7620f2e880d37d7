import type { Client } from "@libsql/client";

/** Rows of a workspace that has sent codes for a week, written by a few large statements. */

const weekMs = 7 * 24 * 3600_000;
const chunkRows = 20_000;
/** Two in three codes go to one country; the others are spread over these. */
const countries = ["ID", "MY", "SG", "IN", "BR", "TH", "PH", "VN", "US", "DE", "NG", "TR"];
const callingCodes = [62, 60, 65, 91, 55, 66, 63, 84, 1, 49, 234, 90];
const sessions = 4;
const crockford = "0123456789abcdefghjkmnpqrstvwxyz";

export interface Fill {
  client: Client;
  rows: number;
  workspaceId: string;
  sessionId: string;
  now: number;
}

/**
 * Writes so many verifications, each with a message, three events and its counts. The triggers are dropped meanwhile:
 * one statement would run them for every row.
 */
export async function fillRows({ client, rows, workspaceId, sessionId, now }: Fill): Promise<void> {
  const run = (statement: string) => client.execute(statement);
  const { rows: found } = await run("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'");
  const triggers = found.map((row) => ({ name: row["name"] as string, text: row["sql"] as string }));
  for (const { name } of triggers) await run(`DROP TRIGGER ${name}`);
  const stepMs = weekMs / rows;
  const session = `CASE h % ${sessions} WHEN 0 THEN '${sessionId}' ELSE 'ses_' || printf('%026d', h % ${sessions}) END`;
  for (let from = 0; from < rows; from += chunkRows) {
    const to = Math.min(rows, from + chunkRows);
    const codes = `WITH RECURSIVE i(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM i WHERE i + 1 < ${to}),
      drawn AS MATERIALIZED (SELECT i, i * 2654435761 % 4294967296 / 7 AS h,
        CAST(${now - weekMs} + (i + 1) * ${stepMs} AS INTEGER) - 60000 AS at FROM i),
      code AS MATERIALIZED (SELECT *, ${base32("at")} || printf('%016d', i) AS id, ${session} AS session_id,
        ${pick("h / 8 % 36", countries)} AS country,
        substr(${pick("h / 8 % 36", callingCodes)} || printf('%05d', 81000 + h / 64 % 2000), 1, 7) AS prefix,
        CASE WHEN h / 16 % 20 = 0 THEN 'payment' WHEN h / 16 % 4 = 0 THEN 'signup' ELSE 'login' END AS purpose,
        CASE WHEN h / 32 % 33 = 0 THEN 'inbound' ELSE 'push' END AS mode,
        CASE WHEN i >= ${rows - 200} THEN 'pending' WHEN h % 100 < 80 THEN 'approved' WHEN h % 100 < 95 THEN 'expired'
          WHEN h % 100 < 99 THEN 'canceled' ELSE 'max_attempts_reached' END AS status,
        200 + h % 900 AS sent, 900 + h / 3 % 4000 AS delivered, 3000 + h / 5 % 20000 AS read, 5000 + h / 7 % 60000 AS approved
        FROM drawn)`;
    await run(`INSERT INTO verification (id, workspace_id, to_hash, global_hash, to_masked, country, prefix, purpose, status,
        mode, session_id, template_id, locale, text, renewed_by, code_length, attempts_left, sends_left, next_send_at,
        expires_at, approved_at, approved_by, message_id, metadata, progress, test, created_at, updated_at)
      ${codes} SELECT 'ver_' || id, '${workspaceId}', printf('%043x', h), printf('g%042x', h), '+62…' || h % 100, country,
        prefix, purpose, status, mode, session_id, '', 'en', 'Your code is {{code}}. It is valid for {{minutes}} minutes.', '',
        6, 5, 3, at, at + 600000, iif(status = 'approved', at + approved, NULL), iif(status = 'approved', 'code', NULL),
        'msg_' || id, '{}', 7, 0, at, at + approved FROM code`);
    await run(`INSERT INTO message (id, type, workspace_id, session_id, verification_id, to_masked, to_hash, status, expires_at,
        sent_at, delivered_at, read_at, created_at, updated_at)
      ${codes} SELECT 'msg_' || id, 'code', '${workspaceId}', session_id, 'ver_' || id, '+62…' || h % 100, printf('%043x', h),
        'read', at + 600000, at + sent, at + delivered, at + read, at, at + read FROM code`);
    await run(`INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
      ${codes}, kind(type, late) AS (VALUES ('verification.created', 0), ('message.sent', 500), ('message.delivered', 2000))
      SELECT 'evt_' || printf('%012x', at + late) || lower(hex(randomblob(7))), '${workspaceId}', type, 'ver_' || id,
        'msg_' || id, session_id, '{}', at + late FROM code, kind`);
    await run(`INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
      ${codes}, reached AS (SELECT *, 'created' AS stage, 0 AS ms FROM code UNION ALL SELECT *, 'sent', sent FROM code
        UNION ALL SELECT *, 'delivered', delivered FROM code UNION ALL SELECT *, 'read', read FROM code WHERE h % 3 > 0
        UNION ALL SELECT *, status, approved FROM code WHERE status <> 'pending')
      SELECT '${workspaceId}', prefix, at / 3600000 * 3600000, country, session_id, '', purpose, mode, stage,
        (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <= max(ms, 1)), count(*)
      FROM reached GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 ON CONFLICT DO UPDATE SET count = count + excluded.count`);
  }
  for (const { text } of triggers) await run(text);
}

/** In SQL the ten characters with which ids of this time begin. */
const base32 = (at: string) =>
  Array.from({ length: 10 }, (_, i) => `substr('${crockford}', 1 + ((${at} >> ${45 - 5 * i}) & 31), 1)`).join(" || ");

const pick = (draw: string, values: readonly (string | number)[]) =>
  `CASE ${draw} ${values.map((value, i) => `WHEN ${i} THEN ${typeof value === "string" ? `'${value}'` : value}`).join(" ")} ELSE ${typeof values[0] === "string" ? `'${values[0]}'` : values[0]} END`;
