/** What many sessions have in common is told in one alert. */
export const alertDigests: readonly string[] = [
  // Set where an incident was told in a digest: the delivery that brings it. Ids sort by time.
  `ALTER TABLE alert_delivery ADD COLUMN digest_id TEXT`,
  `CREATE INDEX alert_delivery_digest ON alert_delivery(digest_id, incident_id) WHERE digest_id IS NOT NULL`,
  `CREATE INDEX incident_open_since ON incident(workspace_id, since) WHERE closed_at IS NULL`,
];
