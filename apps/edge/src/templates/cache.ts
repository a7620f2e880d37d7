import type { Services } from "../services.ts";
import { findTemplates, type StoredTemplate } from "./repository.ts";

const cacheMs = 60_000;
const cacheEntries = 1_000;
const cacheCharacters = 8_000_000;

/** What is being looked up: by the services of one request, for a promise must not outlive the request that made it. */
const underWay = new WeakMap<Services, Map<string, Promise<readonly StoredTemplate[]>>>();

/**
 * The templates of a workspace, mostly without a look into the database; a batch looks there once.
 * @param wanted the id of one that has to be among them: one made a moment ago elsewhere is looked up
 */
export async function templatesOf(
  services: Services,
  workspaceId: string,
  wanted?: string,
): Promise<readonly StoredTemplate[]> {
  const cached = services.templateCache.get(workspaceId);
  const isFresh = cached !== undefined && cached.at + cacheMs > services.now().getTime();
  if (isFresh && (wanted === undefined || cached.templates.some(({ id }) => id === wanted))) return cached.templates;
  const lookups = underWay.get(services) ?? new Map<string, Promise<readonly StoredTemplate[]>>();
  underWay.set(services, lookups);
  const lookup = lookups.get(workspaceId) ?? lookUp(services, workspaceId).finally(() => lookups.delete(workspaceId));
  lookups.set(workspaceId, lookup);
  return lookup;
}

async function lookUp({ db, templateCache, now }: Services, workspaceId: string): Promise<readonly StoredTemplate[]> {
  const at = now().getTime();
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
