import { RegExpRouter } from "hono/router/reg-exp-router";
import { TrieRouter } from "hono/router/trie-router";
import { describe, expect, it } from "vitest";
import { createApp } from "../src/app.ts";
import { splitRouter } from "../src/http/router.ts";

const { routes } = createApp();
const methods = [...new Set(routes.map(({ method }) => method)), "OPTIONS"];
/** Each path with a value for each parameter, and with the names of other routes as values. */
const asked = [...new Set(routes.map(({ path }) => path))].flatMap((path) =>
  ["x1", "check", "batch"].map((value) => path.replaceAll(/:[^/]+/g, value).replace("*", "nothing/here")),
);

/** The last handler of each route, which answers. */
const answers = new Set(
  routes.flatMap(({ method, path }, i) => {
    const next = routes[i + 1];
    return method !== "ALL" && (next?.method !== method || next.path !== path) ? [i] : [];
  }),
);
/** The handlers that run. */
const untilAnswer = (found: readonly number[]) => {
  const last = found.findIndex((handler) => answers.has(handler));
  return last === -1 ? found : found.slice(0, last + 1);
};

describe("the router", () => {
  it("runs the handlers that hono's own router would run, for every path and method", () => {
    const [split, trie] = [splitRouter<number>(), new TrieRouter<number>()];
    for (const [index, { method, path }] of routes.entries()) {
      split.add(method, path, index);
      trie.add(method, path, index);
    }
    const found = asked.flatMap((path) =>
      methods.map((method) => {
        const [own = [], expected = []] = [split, trie].map((router) =>
          untilAnswer(router.match(method, path)[0].map(([handler]) => handler)),
        );
        expect([method, path, own]).toEqual([method, path, expected]);
        return own.length;
      }),
    );
    expect(Math.max(...found)).toBeGreaterThan(5);
  });

  it("has no pattern that needs the slow part", () => {
    const fast = new RegExpRouter<number>();
    for (const { method, path } of routes) if (/[:*]/.test(path)) fast.add(method, path, 0);
    expect(fast.match("POST", "/v1/verifications/x1/check")[0]).not.toEqual([]);
  });
});
