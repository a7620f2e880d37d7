import type { Edge } from "./harness.ts";

/** The log of changes, oldest first. */
export const auditRows = (edge: Edge) => edge.rows("SELECT actor, action, target, detail FROM audit ORDER BY rowid");
