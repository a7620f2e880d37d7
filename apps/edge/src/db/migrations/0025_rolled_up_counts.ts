// The counts of each hour (UTC) of a day. `count` is their sum.
const hours = `count INTEGER NOT NULL,
      h0 INTEGER NOT NULL, h1 INTEGER NOT NULL, h2 INTEGER NOT NULL, h3 INTEGER NOT NULL, h4 INTEGER NOT NULL,
      h5 INTEGER NOT NULL, h6 INTEGER NOT NULL, h7 INTEGER NOT NULL, h8 INTEGER NOT NULL, h9 INTEGER NOT NULL,
      h10 INTEGER NOT NULL, h11 INTEGER NOT NULL, h12 INTEGER NOT NULL, h13 INTEGER NOT NULL, h14 INTEGER NOT NULL,
      h15 INTEGER NOT NULL, h16 INTEGER NOT NULL, h17 INTEGER NOT NULL, h18 INTEGER NOT NULL, h19 INTEGER NOT NULL,
      h20 INTEGER NOT NULL, h21 INTEGER NOT NULL, h22 INTEGER NOT NULL, h23 INTEGER NOT NULL`;

/** Cron moves the counts of `conversion` to tables that dashboards read. */
export const rolledUpCounts = {
  name: "0025_rolled_up_counts",
  statements: [
    `CREATE TABLE conversion_prefix (
      workspace_id TEXT NOT NULL, prefix TEXT NOT NULL, hour INTEGER NOT NULL, stage TEXT NOT NULL, country TEXT NOT NULL,
      session_id TEXT NOT NULL, template_id TEXT NOT NULL, purpose TEXT NOT NULL, mode TEXT NOT NULL, bucket INTEGER NOT NULL,
      count INTEGER NOT NULL,
      PRIMARY KEY (workspace_id, prefix, hour, stage, country, session_id, template_id, purpose, mode, bucket)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX conversion_prefix_hour ON conversion_prefix(workspace_id, hour, count)`,
    `CREATE INDEX conversion_prefix_created ON conversion_prefix(workspace_id, hour, prefix, count) WHERE stage = 'created'`,
    `CREATE VIEW conversion_by_prefix AS SELECT * FROM conversion_prefix
      UNION ALL SELECT workspace_id, prefix, hour, stage, country, session_id, template_id, purpose, mode, bucket, count
      FROM conversion`,
    // For answers with several filters. lead: the first four digits of the prefix.
    `CREATE TABLE conversion_day (
      workspace_id TEXT NOT NULL, day INTEGER NOT NULL, stage TEXT NOT NULL, bucket INTEGER NOT NULL, lead TEXT NOT NULL,
      country TEXT NOT NULL, session_id TEXT NOT NULL, template_id TEXT NOT NULL, purpose TEXT NOT NULL, mode TEXT NOT NULL,
      ${hours},
      PRIMARY KEY (workspace_id, day, stage, bucket, lead, country, session_id, template_id, purpose, mode)
    ) STRICT, WITHOUT ROWID`,
    // dimension: 'all', 'country', 'session', …; of a prefix, each number of its first digits is a key.
    `CREATE TABLE conversion_group (
      workspace_id TEXT NOT NULL, day INTEGER NOT NULL, dimension TEXT NOT NULL, key TEXT NOT NULL, stage TEXT NOT NULL,
      bucket INTEGER NOT NULL, ${hours},
      PRIMARY KEY (workspace_id, day, dimension, key, stage, bucket)
    ) STRICT, WITHOUT ROWID`,
    // The verifications of each prefix: in this order one scan ranks them. month: a number of 32 days.
    `CREATE TABLE conversion_rank (
      workspace_id TEXT NOT NULL, month INTEGER NOT NULL, prefix TEXT NOT NULL, day INTEGER NOT NULL, ${hours},
      PRIMARY KEY (workspace_id, month, prefix, day)
    ) STRICT, WITHOUT ROWID`,
    `DROP INDEX conversion_hour`,
  ],
};
