/** A JSON Schema, as far as requests are made of it. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  example?: unknown;
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

interface Media {
  schema?: Schema;
  example?: unknown;
  examples?: Record<string, unknown>;
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  schema: Schema;
}

/** One route as `openapi.json` tells of it. */
export interface Operation {
  method: string;
  path: string;
  /** Matches the addresses that the path stands for. */
  address: RegExp;
  parameters: Parameter[];
  /** Names of the security schemes that it takes. */
  schemes: string[];
  body: Record<string, Media> | undefined;
  responses: Record<string, { content?: Record<string, Media>; headers?: Record<string, Header> }>;
}

export type Header = { $ref?: string; schema?: Schema };

interface Description {
  paths: Record<string, Record<string, RawOperation>>;
}

interface RawOperation {
  security?: Record<string, unknown>[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, Media> };
  responses: Operation["responses"];
}

/** Every route of the description. */
export function operationsOf(description: object): Operation[] {
  return Object.entries((description as Description).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], security = [], requestBody, responses }]) => ({
      method: method.toUpperCase(),
      path,
      address: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+").replaceAll(".", "\\.")}$`),
      parameters,
      schemes: security.flatMap((each) => Object.keys(each)),
      body: requestBody?.content,
      responses,
    })),
  );
}

/** The thing itself where only its place is named. */
export function resolved<T extends { $ref?: string }>(thing: T, description: object): T {
  if (thing.$ref === undefined) return thing;
  const parts = thing.$ref.slice(2).split("/");
  const target = parts.reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], description);
  return resolved(target as T, description);
}
