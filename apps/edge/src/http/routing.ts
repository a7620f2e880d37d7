import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";
import { problem } from "./problems.ts";

interface Route {
  method: string;
  path: string;
}

/** Answers when no route matches: with the allowed methods of the address, or with `not-found`. */
export function unmatched(routes: readonly Route[]) {
  const known = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  for (const { method, path } of routes) {
    if (method === "ALL") continue;
    const entry = known.get(path) ?? { pattern: patternOf(path), methods: new Set<string>() };
    entry.methods.add(method);
    if (method === "GET") entry.methods.add("HEAD");
    known.set(path, entry);
  }
  return (c: Context<AppEnv>): Response => {
    const methods = new Set<string>();
    for (const { pattern, methods: taken } of known.values()) {
      if (pattern.test(c.req.path)) for (const method of taken) methods.add(method);
    }
    if (methods.size === 0) return problem(c, "not-found");
    const allow = [...methods.add("OPTIONS")].toSorted().join(", ");
    c.header("Allow", allow);
    if (c.req.method === "OPTIONS") return c.body(null, 204);
    return problem(c, "method-not-allowed", { detail: `Allowed: ${allow}.` });
  };
}

const patternOf = (path: string) => new RegExp(`^${path.replaceAll(/:[^/{]+(\{[^}]+\})?/g, "[^/]+")}$`);
