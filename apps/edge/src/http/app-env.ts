import type { TraceContext } from "@sandi/tracing";
import type { Context } from "../context.ts";
import type { Services } from "../services.ts";

export interface AppEnv {
  Bindings: { services: Services };
  Variables: {
    requestId: string;
    /** Set by `traced`; undefined for routes outside of `/v1/`. */
    trace: TraceContext | undefined;
    /** Set by `authenticate`. */
    ctx: Context;
    /** The raw body, set by `jsonBody`. */
    rawBody: string;
    /** The request's rate limits are consumed, or are being consumed. */
    isMetered: boolean;
    /** The values of the headers `RateLimit-Policy` and `RateLimit`. */
    rateLimit: { policy: string; state: string };
    /** Set for HTML answers that have their own policy. */
    contentSecurityPolicy: string;
  };
}
