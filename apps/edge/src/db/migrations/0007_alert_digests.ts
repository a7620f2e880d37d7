/** One alert can report incidents of many sessions. */
export const alertDigests = {
  name: "0007_alert_digests",
  statements: [
    // Set if a digest reports the incident: the id of the digest's delivery. Ids sort by time.
    `ALTER TABLE alert_delivery ADD COLUMN digest_id TEXT`,
    `CREATE INDEX alert_delivery_digest ON alert_delivery(digest_id, incident_id) WHERE digest_id IS NOT NULL`,
    `CREATE INDEX incident_open_since ON incident(workspace_id, since) WHERE closed_at IS NULL`,
  ],
};
