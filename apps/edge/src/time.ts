/** Milliseconds in the API's format: ISO 8601, UTC. */
export const iso = (time: number) => new Date(time).toISOString();
export const isoOrNull = (time: number | null) => (time === null ? null : iso(time));
