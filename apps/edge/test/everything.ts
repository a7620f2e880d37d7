import type { Edge } from "./harness.ts";

/** Every value of every row, every object, every line of the logs, every job and every span, as text. */
export async function everything(edge: Edge): Promise<string> {
  const tables = await edge.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
  const rows = await Promise.all(tables.map(({ name }) => edge.rows(`SELECT * FROM "${String(name)}"`)));
  return JSON.stringify([rows, edge.logs, edge.requests, edge.jobs, edge.spans]);
}
