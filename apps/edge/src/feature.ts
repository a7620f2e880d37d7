import type { ErrorCode } from "@sandi/contracts";
import type { Hono } from "hono";
import type { CompiledQuery } from "kysely";
import type { AppEnv } from "./http/app-env.ts";
import type { Operation } from "./http/operation.ts";
import type { JobKind } from "./jobs/kind.ts";
import type { Topic } from "./outbound/topic.ts";
import type { Services } from "./services.ts";

/** What one slice of the edge adds to the whole; `features.ts` lists them all. */
export interface Feature {
  /** The chapter of the API reference; a feature without a description adds to another one's chapter. */
  tag?: { name: string; description?: string };
  /** The error of its operations for an unknown id. */
  notFound?: ErrorCode;
  /** Its part of the public API. */
  operations?: readonly Operation[];
  /** Routes that the API reference does not show: pages, and calls of other services. */
  routes?: Hono<AppEnv>;
  /** The kinds of jobs that it appends. */
  jobs?: readonly JobKind[];
  /** What it sends to endpoints outside. */
  topics?: readonly Topic[];
  /** Statements that delete its old rows, `sweepSize` at most each. Cron repeats them while rows are left. */
  sweeps?: (services: Services) => readonly CompiledQuery[];
}
