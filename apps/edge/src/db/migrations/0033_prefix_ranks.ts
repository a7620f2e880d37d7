const numbered = (name: string, length: number) =>
  Array.from({ length }, (_, i) => `${name}${i} INTEGER NOT NULL`).join(", ");
const hours = `count INTEGER NOT NULL, ${numbered("h", 24)}`;
const counts = "workspace_id, prefix, hour, stage, country, session_id, template_id, purpose, mode, bucket, count";

/**
 * The largest prefixes are found among counts of months, also with a filter. Cron rolls up again what is rolled up, a
 * part at a time: all counts at once would stop other writes for a minute and more.
 */
export const prefixRanks = {
  name: "0033_prefix_ranks",
  statements: [
    `DROP VIEW conversion_by_prefix`,
    `DROP INDEX conversion_prefix_hour`,
    `DROP INDEX conversion_prefix_created`,
    `ALTER TABLE conversion_prefix RENAME TO conversion_earlier`,
    `DROP TABLE conversion_rank`,
    `DROP TABLE conversion_day`,
    `DROP TABLE conversion_group`,
    `CREATE TABLE conversion_prefix (
      workspace_id TEXT NOT NULL, prefix TEXT NOT NULL, hour INTEGER NOT NULL, stage TEXT NOT NULL, country TEXT NOT NULL,
      session_id TEXT NOT NULL, template_id TEXT NOT NULL, purpose TEXT NOT NULL, mode TEXT NOT NULL, bucket INTEGER NOT NULL,
      count INTEGER NOT NULL,
      PRIMARY KEY (workspace_id, prefix, hour, stage, country, session_id, template_id, purpose, mode, bucket)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX conversion_prefix_created ON conversion_prefix(workspace_id, prefix, hour, count) WHERE stage = 'created'`,
    `CREATE VIEW conversion_waiting AS SELECT ${counts} FROM conversion UNION ALL SELECT ${counts} FROM conversion_earlier`,
    `CREATE VIEW conversion_by_prefix AS SELECT ${counts} FROM conversion_prefix UNION ALL SELECT ${counts} FROM conversion
      UNION ALL SELECT ${counts} FROM conversion_earlier`,
    `CREATE TABLE conversion_day (
      workspace_id TEXT NOT NULL, day INTEGER NOT NULL, stage TEXT NOT NULL, bucket INTEGER NOT NULL, lead TEXT NOT NULL,
      country TEXT NOT NULL, session_id TEXT NOT NULL, template_id TEXT NOT NULL, purpose TEXT NOT NULL, mode TEXT NOT NULL,
      ${hours},
      PRIMARY KEY (workspace_id, day, stage, bucket, lead, country, session_id, template_id, purpose, mode)
    ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE conversion_group (
      workspace_id TEXT NOT NULL, day INTEGER NOT NULL, dimension TEXT NOT NULL, key TEXT NOT NULL, stage TEXT NOT NULL,
      bucket INTEGER NOT NULL, ${hours},
      PRIMARY KEY (workspace_id, day, dimension, key, stage, bucket)
    ) STRICT, WITHOUT ROWID`,
    // The counts of each day of a month (a number of 32 days). By prefix with all its counts, its digits are the key. By
    // the other dimensions and keys of conversion_group with the verifications of each prefix, which are zero for some.
    `CREATE TABLE conversion_month (
      workspace_id TEXT NOT NULL, month INTEGER NOT NULL, dimension TEXT NOT NULL, key TEXT NOT NULL, prefix TEXT NOT NULL,
      stage TEXT NOT NULL, bucket INTEGER NOT NULL, count INTEGER NOT NULL, ${numbered("d", 32)},
      PRIMARY KEY (workspace_id, month, dimension, key, prefix, stage, bucket)
    ) STRICT, WITHOUT ROWID`,
  ],
};
