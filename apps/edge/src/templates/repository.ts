import type { Template, TemplateInput, TemplateTexts } from "@sandi/contracts";
import type { Db } from "../db/schema.ts";
import type { TemplateTable } from "../db/tables/workspaces.ts";
import { iso } from "../time.ts";

/** A stored template with parsed texts. */
export type StoredTemplate = Omit<TemplateTable, "texts"> & { texts: TemplateTexts };

/** The templates of each workspace, at most a minute old, with the size of their texts. */
export type TemplateCache = Map<string, { templates: readonly StoredTemplate[]; size: number; at: number }>;

export const selectTemplates = (db: Db, workspaceId: string) =>
  db.kysely.selectFrom("template").selectAll().where("workspaceId", "=", workspaceId);

/** All templates of a workspace, oldest first. */
export async function findTemplates(db: Db, workspaceId: string): Promise<StoredTemplate[]> {
  return (await selectTemplates(db, workspaceId).orderBy("id").execute()).map(toStored);
}

export async function findTemplate(db: Db, workspaceId: string, id: string): Promise<StoredTemplate | undefined> {
  const row = await selectTemplates(db, workspaceId).where("id", "=", id).executeTakeFirst();
  return row && toStored(row);
}

export const toStored = (row: TemplateTable): StoredTemplate => ({
  ...row,
  texts: JSON.parse(row.texts) as TemplateTexts,
});

/** For the audit log: without the texts. */
export const toDetail = ({ name, purpose, texts }: TemplateInput) => ({ name, purpose, locales: Object.keys(texts) });

export const toTemplate = ({ id, name, purpose, texts, createdAt, updatedAt }: StoredTemplate): Template => ({
  id,
  name,
  purpose,
  texts,
  createdAt: iso(createdAt),
  updatedAt: iso(updatedAt),
});
