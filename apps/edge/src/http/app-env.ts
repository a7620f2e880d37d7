import type { TraceContext } from "@sandi/tracing";
import type { Context } from "../context.ts";
import type { Services } from "../services.ts";

export interface AppEnv {
  Bindings: { services: Services };
  Variables: {
    requestId: string;
    /** Set behind `traced`; undefined where no caller asked for anything. */
    trace: TraceContext | undefined;
    /** Set behind `authenticate`. */
    ctx: Context;
    /** The raw body; set behind `jsonBody`. */
    rawBody: string;
    /** Limits were taken, or are about to be. */
    isMetered: boolean;
    /** What answers tell of limits, as the values of their headers. */
    rateLimit: { policy: string; state: string };
    /** Set for HTML answers that bring a policy of their own. */
    contentSecurityPolicy: string;
  };
}
