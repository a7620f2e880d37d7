import type { KnownKey } from "../db/schema.ts";
import type { Services } from "../services.ts";

export interface AppEnv {
  Bindings: { services: Services };
  Variables: {
    requestId: string;
    /** Set behind `authenticate`. */
    key: KnownKey;
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
