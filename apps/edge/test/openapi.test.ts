import core, { type ISpectralDiagnostic } from "@stoplight/spectral-core";
import { eventRegistry, eventTypes } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { startEdge } from "./harness.ts";
import { ruleset } from "./openapi/ruleset.ts";

const edge = await startEdge();
const { body: document } = await edge.api("GET /openapi.json", undefined, { key: null });
edge.close();

interface Description {
  info: object;
  paths: Record<string, Record<string, { responses: object }>>;
  webhooks: Record<string, object>;
  components: { schemas: Record<string, object> };
}

async function lint(description: object): Promise<string[]> {
  const spectral = new core.Spectral();
  // Exceptions are made for places in files, hence names for both.
  spectral.setRuleset(new core.Ruleset(ruleset, { source: "/ruleset.ts" }));
  const parsed = { data: description, diagnostics: [], ast: {}, lineMap: [] };
  const found = await spectral.run({ parsed, source: "/openapi.json", getLocationForJsonPath: () => undefined });
  return [...new Set(found.map(told))].toSorted();
}

const severities = ["error", "warning", "information", "hint"];
const told = ({ severity, code, path, message }: ISpectralDiagnostic) =>
  `${severities[severity]} ${code} at ${path.join(" › ")}: ${message}`;

describe("openapi.json", () => {
  it("has nothing that Spectral or OWASP's rules object to", async () => {
    expect(await lint(document)).toEqual([]);
  }, 180_000);

  it("is really looked at: what is taken away is missed", async () => {
    const poorer = structuredClone(document) as unknown as Description;
    Reflect.deleteProperty(poorer.info, "license");
    poorer.components.schemas["Session"] = { type: "string" };
    poorer.paths = { "/v1/verifications": poorer.paths["/v1/verifications"] ?? {} };
    const list = poorer.paths["/v1/verifications"]?.["get"]?.responses ?? {};
    Reflect.deleteProperty(list, "400");
    const found = (await lint(poorer)).join("\n");
    expect(found).toContain("warning info-license");
    expect(found).toContain("error owasp:api4:2023-string-limit");
    expect(found).toContain("error owasp:api8:2023-define-error-validation at paths › /v1/verifications › get");
  }, 60_000);
});

describe("the webhooks of openapi.json", () => {
  const { webhooks, components } = document as unknown as Description;

  it("are the types of events", () => {
    expect(Object.keys(webhooks)).toEqual(eventTypes);
  });

  it.each([...eventRegistry.values()])(
    "show $type with its example and what it means",
    ({ type, schema, ...event }) => {
      const id = schema.meta()?.id ?? "";
      const content = { schema: { $ref: `#/components/schemas/${id}` }, example: event.example };
      expect(webhooks[type]).toMatchObject({
        post: {
          operationId: `on${id}`,
          description: `${event.when} ${event.follows}`,
          requestBody: { content: { "application/json": content } },
        },
      });
      expect(components.schemas[id]).toMatchObject({
        properties: {
          type: { enum: [type] },
          data: { anyOf: [{ $ref: expect.any(String) as string }, { type: "null" }] },
        },
      });
    },
  );
});
