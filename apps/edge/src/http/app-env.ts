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
    /** Set for HTML answers that bring a policy of their own. */
    contentSecurityPolicy: string;
  };
}
