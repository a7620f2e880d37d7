import type { Result, Router } from "hono/router";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { SmartRouter } from "hono/router/smart-router";
import { TrieRouter } from "hono/router/trie-router";

/**
 * Hono's default router for paths without parameters, and another one for the rest. Its fast part takes no path like
 * `/v1/verifications/check` beside `/v1/verifications/{id}/check`, and then the slow part would match every request.
 */
export function splitRouter<T>(): Router<T> {
  const literals = defaultRouter<T>();
  const patterns = defaultRouter<T>();
  const known = new Set<string>();
  return {
    name: "SplitRouter",
    add(method, path, handler) {
      const isLiteral = !/[:*]/.test(path);
      if (isLiteral) known.add(`${method} ${path}`);
      if (isLiteral || path.includes("*")) literals.add(method, path, handler);
      if (!isLiteral) patterns.add(method, path, handler);
    },
    match: (method, path): Result<T> => (known.has(`${method} ${path}`) ? literals : patterns).match(method, path),
  };
}

const defaultRouter = <T>() => new SmartRouter<T>({ routers: [new RegExpRouter(), new TrieRouter()] });
