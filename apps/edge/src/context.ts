import type { TraceContext } from "@sandi/tracing";
import type { Actor } from "./actor.ts";
import type { Services } from "./services.ts";

/** What one authenticated request carries to a verb. */
export interface Context {
  services: Services;
  actor: Actor;
  /** The trace that the request belongs to. */
  trace: TraceContext | undefined;
  requestId: string;
}
