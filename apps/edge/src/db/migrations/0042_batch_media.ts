/** The files that a batch still needs: they are not deleted before it ends. */
export const batchMedia = {
  name: "0042_batch_media",
  statements: [
    `CREATE TABLE batch_media (
      batch_id TEXT NOT NULL,
      media_id TEXT NOT NULL,
      PRIMARY KEY (batch_id, media_id)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX batch_media_file ON batch_media (media_id)`,
  ],
};
