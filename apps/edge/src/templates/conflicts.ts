import { AppError, type TemplateInput } from "@sandi/contracts";
import { sql } from "kysely";
import type { Db } from "../db/schema.ts";

interface Claim {
  /** The template that gets the name and the purpose. */
  id: string;
  input: Pick<TemplateInput, "name" | "purpose">;
}

const others = (workspaceId: string, { id, input: { name, purpose } }: Claim) =>
  sql`FROM template other WHERE other.workspace_id = ${workspaceId} AND other.id <> ${id}
    AND (other.name = ${name} OR other.purpose = ${purpose})`;

/** True in SQL if no other template has the name or the purpose. */
export const isFree = (workspaceId: string, claim: Claim) =>
  sql<boolean>`NOT EXISTS (SELECT 1 ${others(workspaceId, claim)})`;

/** The templates that have the name or the purpose. */
export const selectConflicts = (db: Db, workspaceId: string, claim: Claim) =>
  sql<TemplateInput>`SELECT other.name, other.purpose ${others(workspaceId, claim)}`.compile(db.kysely);

/** The error with the fields that another template has; undefined if there is none. */
export function conflictError(found: readonly Claim["input"][], { name, purpose }: Claim["input"]) {
  if (found.length === 0) return undefined;
  const errors = [
    ...(found.some((each) => each.name === name) ? [{ pointer: "/name", message: "is another template's name" }] : []),
    ...(purpose !== null && found.some((each) => each.purpose === purpose)
      ? [{ pointer: "/purpose", message: "has another template as its default" }]
      : []),
  ];
  return new AppError("template-exists", { errors });
}
