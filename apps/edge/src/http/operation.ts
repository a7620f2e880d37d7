import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Scope } from "@sandi/contracts";
import type { Context as HonoContext, MiddlewareHandler } from "hono";
import type { z } from "zod";
import type { Actor } from "../actor.ts";
import type { Context } from "../context.ts";
import type { Limit } from "../rate-limits/limit.ts";
import { consumeRateLimits } from "./rate-limits.ts";
import { changeLimit } from "../rate-limits/named.ts";
import type { Services } from "../services.ts";
import type { AppEnv } from "./app-env.ts";
import { authenticate, authenticateUnmetered, liveOnly } from "./authenticate.ts";
import { jsonBody, noBody } from "./body.ts";
import { type Accepted, type IdempotencyKey, readIdempotencyKey } from "./idempotency/create.ts";
import { idempotent, idempotentCheck, idempotentRotation, idempotentSecret } from "./idempotency/middleware.ts";
import type { Access, Chapter, Declaration, Idempotency, Input, Schema } from "./declaration.ts";
import { describe } from "./openapi.ts";
import { partsOf } from "./validation.ts";

/** A route of the public API. Its declaration makes both its behaviour and the API reference. */
export interface Operation {
  addTo: (app: OpenAPIHono<AppEnv>, chapter: Chapter) => void;
}

/** Only an operation that changes nothing may ignore an `Idempotency-Key`. */
type Repeatable<Kind> =
  | { method: "get"; idempotent?: undefined }
  | { method: "post" | "put" | "patch" | "delete"; idempotent: Kind };

/** A handler of a create gets the idempotency key, and returns whether the answer is a replay. */
type Key<Kind> = Kind extends "create" ? { idempotencyKey: IdempotencyKey | undefined } : object;
type Outcome<Result, Kind> = Kind extends "create" ? Accepted<Result> : Result;
type Handled<Result> = Result | Response | Promise<Result | Response>;

type Keyed<P extends Schema, Q extends Schema, B extends Schema, Result, Kind> = Repeatable<Kind> &
  Declaration<P, Q, B, Result> & {
    /** The key needs one of these scopes. */
    scope: Scope | readonly [Scope, ...Scope[]];
    /** Test keys are refused. */
    live?: boolean;
    /** False for a change that writes no audit entry, so it does not count as a change of the workspace. */
    isAudited?: boolean;
    /** The address of what a create made, if it is not below the route's own. */
    locationOf?: (id: string, params: z.output<P>) => string;
    /** Limits in addition to those of every request. They are consumed before the body is read. */
    limits?: (actor: Actor, headers: Headers) => Limit[];
    /** Limits that depend on the input. With them, all limits are consumed after the input is validated. */
    inputLimits?: (ctx: Context, input: Input<P, Q, B>) => Limit[] | Promise<Limit[]>;
  } & (
    | {
        /** Calls the verb and presents the result. */
        handle: (...call: Call<P, Q, B, Kind>) => Handled<Outcome<Result, Kind>>;
      }
    | {
        /**
         * The same in two steps. The first runs while Redis is asked for the limits, so it must not use the database. It
         * returns the second, which runs only if no limit refuses.
         */
        prepare: Prepare<P, Q, B, Result, Kind>;
      }
  );

type Call<P extends Schema, Q extends Schema, B extends Schema, Kind> = [
  ctx: Context,
  input: Input<P, Q, B> & Key<Kind>,
  c: HonoContext<AppEnv>,
];
type Prepare<P extends Schema, Q extends Schema, B extends Schema, Result, Kind> = (
  ...call: Call<P, Q, B, Kind>
) => Promise<() => Handled<Outcome<Result, Kind>>>;

/** An operation for API keys. */
export function operation<
  Result,
  Kind extends Idempotency = "none",
  P extends Schema = z.ZodUndefined,
  Q extends Schema = z.ZodUndefined,
  B extends Schema = z.ZodUndefined,
>(declared: Keyed<P, Q, B, Result, Kind>): Operation {
  const { method, path, limits, inputLimits } = declared;
  const { locationOf = (id) => `${path.split("/{")[0]}/${id}` } = declared;
  const kind: Idempotency = declared.idempotent ?? "none";
  const scopes = [declared.scope].flat();
  // Each change of the workspace is a row of the audit log. Deletions are not limited: each needs an earlier create.
  const isChange =
    ["post", "put", "patch"].includes(method) &&
    ["create", "change", "rotation"].includes(kind) &&
    scopes.every((scope) => scope.endsWith(":manage")) &&
    declared.isAudited !== false;
  const limitsOf = (actor: Actor, headers: Headers) => [
    ...(isChange ? [changeLimit(actor)] : []),
    ...(limits?.(actor, headers) ?? []),
  ];
  const authenticated = inputLimits ? authenticateUnmetered(scopes) : authenticate(scopes, limitsOf);
  const access = { scopes, idempotency: kind, guards: [authenticated, ...(declared.live ? [liveOnly] : [])] };
  const begin: Prepare<P, Q, B, Result, Kind> =
    "prepare" in declared
      ? declared.prepare
      : async (...call) =>
          () =>
            declared.handle(...call);
  const handle = async (c: HonoContext<AppEnv>, input: Input<P, Q, B>) => {
    const ctx = c.get("ctx");
    const idempotencyKey = kind === "create" ? await readIdempotencyKey(c) : undefined;
    const limited =
      inputLimits &&
      consumeRateLimits(c, [...limitsOf(ctx.actor, c.req.raw.headers), ...(await inputLimits(ctx, input))]);
    const begun = begin(ctx, { ...input, idempotencyKey }, c);
    await Promise.allSettled([limited, begun]);
    // A limit's refusal comes before an error of the preparation.
    await limited;
    const outcome = await (await begun)();
    if (kind !== "create" || outcome instanceof Response) return outcome as Result | Response;
    const { resource, replayed } = outcome as Accepted<Result>;
    if (replayed) c.header("Idempotent-Replayed", "true");
    const { id } = resource as { id?: string };
    if (id !== undefined) c.header("Location", locationOf(id, input.params));
    return resource;
  };
  return { addTo: (app, chapter) => add(app, declared, { access, chapter, handle }) };
}

interface Open<P extends Schema, Q extends Schema, B extends Schema, Result> extends Declaration<P, Q, B, Result> {
  /** The security scheme that replaces an API key, and its check, which runs before the body is read. */
  guard?: { scheme: string; check: MiddlewareHandler<AppEnv> };
  handle: (services: Services, input: Input<P, Q, B>, c: HonoContext<AppEnv>) => Handled<NoInfer<Result>>;
}

/** An operation without an API key. */
export function openOperation<
  Result,
  P extends Schema = z.ZodUndefined,
  Q extends Schema = z.ZodUndefined,
  B extends Schema = z.ZodUndefined,
>(declared: Open<P, Q, B, Result>): Operation {
  const { guard } = declared;
  const access = { idempotency: "none" as const, scheme: guard?.scheme, guards: guard ? [guard.check] : [] };
  const handle = (c: HonoContext<AppEnv>, input: Input<P, Q, B>) => declared.handle(c.env.services, input, c);
  return { addTo: (app, chapter) => add(app, declared, { access, chapter, handle }) };
}

interface Addition<P extends Schema, Q extends Schema, B extends Schema, Result> {
  access: Access;
  chapter: Chapter;
  handle: (c: HonoContext<AppEnv>, input: Input<P, Q, B>) => Handled<Result>;
}

const repeats: Partial<Record<Idempotency, MiddlewareHandler<AppEnv>>> = {
  change: idempotent,
  check: idempotentCheck,
  secret: idempotentSecret,
  rotation: idempotentRotation,
};

function add<P extends Schema, Q extends Schema, B extends Schema, Result>(
  app: OpenAPIHono<AppEnv>,
  declared: Declaration<P, Q, B, Result>,
  { access, chapter, handle }: Addition<P, Q, B, Result>,
): void {
  const { method, path, query, body, upload, answers } = declared;
  const reads = method === "get" || upload ? [] : [body ? jsonBody(body.limit) : noBody];
  const repeat = repeats[access.idempotency];
  const middleware = [...access.guards, ...reads, ...(repeat ? [repeat] : [])];
  app.openAPIRegistry.registerPath(describe(declared, access, chapter));
  app.on(method, [path.replaceAll(/\{(.+?)\}/g, ":$1")], ...middleware, async (c) => {
    const input = await partsOf(c, declared, chapter.notFound);
    const list = query ? "query" : "body";
    const limit = Number(input[list]?.["limit"]);
    const paged = answers.isPage ? { ...input, [list]: { ...input[list], limit: limit + 1 } } : input;
    const result = await handle(c, paged as Input<P, Q, B>);
    if (result instanceof Response) return result;
    const { status } = answers;
    return status === 204 ? c.body(null, status) : c.json(answers.render(result, limit) as object, status);
  });
}
