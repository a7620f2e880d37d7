import type { Context } from "../context.ts";
import type { Services } from "../services.ts";
import { findTemplates, type StoredTemplate } from "./repository.ts";

const cacheMs = 60_000;
const cacheEntries = 1_000;
const cacheCharacters = 8_000_000;

/** Look-ups in progress, by request: in a Worker, a promise must not outlive its request. */
const inProgress = new WeakMap<Context, Promise<readonly StoredTemplate[]>>();

/**
 * The templates of the actor's workspace, mostly from the cache. A batch of verifications reads the database at most once.
 * @param wanted the id of a template that must be included: if the cache lacks it, the database is read
 */
export async function templatesOf(ctx: Context, wanted?: string): Promise<readonly StoredTemplate[]> {
  const cached = cachedTemplates(ctx, wanted);
  if (cached) return cached;
  const { services, actor } = ctx;
  const lookup = inProgress.get(ctx) ?? lookUp(services, actor.workspaceId).finally(() => inProgress.delete(ctx));
  inProgress.set(ctx, lookup);
  return lookup;
}

/** The same, or undefined where the database must be read. */
export function cachedTemplates({ services, actor }: Context, wanted?: string): readonly StoredTemplate[] | undefined {
  const cached = services.templateCache.get(actor.workspaceId);
  if (!cached || cached.at + cacheMs <= services.now().getTime()) return undefined;
  return wanted === undefined || cached.templates.some(({ id }) => id === wanted) ? cached.templates : undefined;
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
