import { describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { keyless, routes } from "./public-routes.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

describe("openapi.json", () => {
  interface Document {
    openapi: string;
    paths: Record<
      string,
      Record<string, { operationId: string; responses: Record<string, unknown>; security: unknown }>
    >;
    components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
  }
  const read = async () => (await edge.api<Document>("GET /openapi.json", undefined, { key: null })).body;

  it("describes every public route with its problems, and nothing internal", async () => {
    const { openapi, paths, components } = await read();
    expect(openapi).toBe("3.1.0");
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const expected = routes.map(([request]) =>
      request
        .replace(/\/(ver|ses|msg|med|bat|tpl|key|rul|hook|pool|alc|era|whe)_[0-9a-z]+/, "/{id}")
        .replace(/\/dlv_[0-9a-z]+/, "/{deliveryId}")
        .replace(/\/rpl_[0-9a-z]+/, "/{replayId}")
        .replace(/\/per_[0-9a-z]+/, "/{person}")
        .replace("/6281234", "/{prefix}")
        .replace("/120363025246125486@g.us", "/{groupId}")
        .replace("/100000@lid", "/{person}")
        .replace(/\?.*/, ""),
    );
    expect(described.toSorted()).toEqual([...expected, ...keyless].toSorted());
    for (const [path, methods] of Object.entries(paths)) {
      for (const { responses, security } of Object.values(methods)) {
        if (keyless.some((each) => each.endsWith(` ${path}`))) continue;
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(["401", "403", "500", "503"]));
        expect(security).toEqual([{ apiKey: [] }]);
      }
    }
    expect(Object.keys(components.schemas)).toEqual(
      expect.arrayContaining(["CreateVerification", "Verification", "Message", "Session", "Problem"]),
    );
    expect(components.securitySchemes).toHaveProperty("apiKey");
  });

  it("offers an Idempotency-Key on every route that changes something", async () => {
    const { paths } = (await read()) as unknown as {
      paths: Record<string, Record<string, { parameters?: { name: string }[] }>>;
    };
    const without = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([method]) => method !== "get")
        .filter(([, { parameters }]) => !parameters?.some(({ name }) => name.toLowerCase() === "idempotency-key"))
        .map(([method]) => `${method} ${path}`),
    );
    // These look only, and the operator's token works once in any case.
    expect(without.toSorted()).toEqual([
      "post /v1/destinations/status",
      "post /v1/messages/search",
      "post /v1/sessions/{id}/messages/search",
      "post /v1/templates/preview",
      "post /v1/verifications/search",
      "post /v1/workspaces",
    ]);
  });

  it("names the scope of every route that takes a key", async () => {
    const { paths } = (await read()) as unknown as {
      paths: Record<string, Record<string, { description: string; security: object[] }>>;
    };
    const all = Object.values(paths).flatMap((methods) => Object.values(methods));
    const keyed = all.filter(({ security }) => security.some((scheme) => "apiKey" in scheme));
    expect(keyed.length).toBeGreaterThan(50);
    for (const { description } of keyed) expect(description).toMatch(/ Scope: `[a-z:]+`( or `[a-z:]+`)*\.$/);
  });

  it("has unique operation ids and no reference that leads nowhere", async () => {
    const document = await read();
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((each) => each.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map((match) => match[1] ?? "");
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) {
      const target = reference.split("/").reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
      expect([reference, target]).not.toContain(undefined);
    }
  });
});
