import { sql } from "kysely";
import type { Db, KnownKey } from "../db/schema.ts";
import type { StoredTemplate } from "./repository.ts";

interface Entry {
  id: string;
  key: Pick<KnownKey, "id" | "workspaceId">;
  action: "template.created" | "template.updated" | "template.deleted";
  template: Pick<StoredTemplate, "id"> & Partial<Pick<StoredTemplate, "name" | "purpose" | "texts">>;
  at: number;
}

/** Notes a change in the audit log, right behind the statement that made it; without the texts. */
export function noteChange(db: Db, { id, key, action, template, at }: Entry) {
  const { id: target, texts, ...named } = template;
  const detail = JSON.stringify({ ...named, ...(texts && { locales: Object.keys(texts) }) });
  return sql`INSERT INTO audit (id, workspace_id, actor, action, target, detail, created_at)
    SELECT ${id}, ${key.workspaceId}, ${key.id}, ${action}, ${target}, ${detail}, ${at} WHERE changes() = 1`.compile(
    db.kysely,
  );
}
