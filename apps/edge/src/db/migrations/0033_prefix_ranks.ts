const numbered = (name: string, length: number) => Array.from({ length }, (_, i) => `${name}${i}`);
const hours = numbered("h", 24);
const days = numbered("d", 32);
const integers = (names: readonly string[]) => names.map((name) => `${name} INTEGER NOT NULL`).join(", ");

/** The largest prefixes are found among counts of months, also with a filter. */
export const prefixRanks = {
  name: "0033_prefix_ranks",
  statements: [
    // The verifications of each prefix in each hour (UTC) of a day. Prefixes with other counts only have zeros.
    `CREATE TABLE conversion_prefix_day (
      workspace_id TEXT NOT NULL, day INTEGER NOT NULL, prefix TEXT NOT NULL, count INTEGER NOT NULL, ${integers(hours)},
      PRIMARY KEY (workspace_id, day, prefix)
    ) STRICT, WITHOUT ROWID`,
    // The same in each day of a month (a number of 32 days), by the dimensions and keys of conversion_group.
    `CREATE TABLE conversion_prefix_month (
      workspace_id TEXT NOT NULL, month INTEGER NOT NULL, dimension TEXT NOT NULL, key TEXT NOT NULL, prefix TEXT NOT NULL,
      count INTEGER NOT NULL, ${integers(days)},
      PRIMARY KEY (workspace_id, month, dimension, key, prefix)
    ) STRICT, WITHOUT ROWID`,
    // The counts of each prefix by stage and latency in each day of a month.
    `CREATE TABLE conversion_prefix_stage (
      workspace_id TEXT NOT NULL, month INTEGER NOT NULL, prefix TEXT NOT NULL, stage TEXT NOT NULL, bucket INTEGER NOT NULL,
      count INTEGER NOT NULL, ${integers(days)},
      PRIMARY KEY (workspace_id, month, prefix, stage, bucket)
    ) STRICT, WITHOUT ROWID`,
    `INSERT INTO conversion_prefix_day (workspace_id, day, prefix, count, ${hours.join(", ")})
      SELECT workspace_id, day, prefix, count, ${hours.join(", ")} FROM conversion_rank`,
    `INSERT INTO conversion_prefix_month (workspace_id, month, dimension, key, prefix, count, ${days.join(", ")})
      SELECT workspace_id, month, dimension, CASE dimension WHEN 'country' THEN country WHEN 'session' THEN session_id
          WHEN 'template' THEN template_id WHEN 'purpose' THEN purpose WHEN 'mode' THEN mode ELSE '' END, prefix, sum(n),
        ${days.map((_, i) => `sum(iif(day = ${i}, n, 0))`).join(", ")}
      FROM (SELECT workspace_id, hour / 86400000 / 32 AS month, hour / 86400000 % 32 AS day, prefix, country, session_id,
          template_id, purpose, mode, sum(iif(stage = 'created', count, 0)) AS n
        FROM conversion_prefix GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9)
      CROSS JOIN (SELECT column1 AS dimension FROM (VALUES ('all'), ('country'), ('session'), ('template'), ('purpose'), ('mode')))
      GROUP BY 1, 2, 3, 4, 5`,
    `INSERT INTO conversion_prefix_stage (workspace_id, month, prefix, stage, bucket, count, ${days.join(", ")})
      SELECT workspace_id, day / 86400000 / 32, key, stage, bucket, sum(count),
        ${days.map((_, i) => `sum(iif(day / 86400000 % 32 = ${i}, count, 0))`).join(", ")}
      FROM conversion_group WHERE dimension = 'prefix' AND length(key) = 7 GROUP BY 1, 2, 3, 4, 5`,
    // The prefixes with seven digits are few enough to be summed.
    `DELETE FROM conversion_group WHERE dimension = 'prefix' AND length(key) = 6`,
    `DROP TABLE conversion_rank`,
    `DROP INDEX conversion_prefix_hour`,
    `DROP INDEX conversion_prefix_created`,
    `CREATE INDEX conversion_prefix_created ON conversion_prefix(workspace_id, prefix, hour, count) WHERE stage = 'created'`,
  ],
};
