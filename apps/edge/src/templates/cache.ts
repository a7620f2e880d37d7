import type { Services } from "../services.ts";
import { findTemplates, type StoredTemplate } from "./repository.ts";

/** A workspace's templates as of at most a minute ago, and how many characters they hold. */
export type TemplateCache = Map<string, { templates: readonly StoredTemplate[]; size: number; at: number }>;

const cacheMs = 60_000;
const cacheEntries = 1_000;
const cacheCharacters = 8_000_000;

/**
 * The templates of a workspace, mostly without a look into the database.
 * @param wanted the id of one that has to be among them: one made a moment ago elsewhere is looked up
 */
export async function templatesOf(
  { db, templateCache, now }: Services,
  workspaceId: string,
  wanted?: string,
): Promise<readonly StoredTemplate[]> {
  const at = now().getTime();
  const cached = templateCache.get(workspaceId);
  if (
    cached &&
    cached.at + cacheMs > at &&
    (wanted === undefined || cached.templates.some(({ id }) => id === wanted))
  ) {
    return cached.templates;
  }
  const templates = await findTemplates(db, workspaceId);
  const size = templates.reduce((sum, { texts }) => sum + Object.values(texts).join("").length, 0);
  templateCache.delete(workspaceId);
  let held = size;
  for (const each of templateCache.values()) held += each.size;
  for (const [oldest, each] of templateCache) {
    if (templateCache.size < cacheEntries && held <= cacheCharacters) break;
    templateCache.delete(oldest);
    held -= each.size;
  }
  templateCache.set(workspaceId, { templates, size, at });
  return templates;
}
