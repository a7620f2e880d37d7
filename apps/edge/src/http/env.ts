import type { Scope } from "@sandi/contracts";
import type { Assets } from "../config.ts";
import type { Services } from "../services.ts";

/** Who calls: the key and what it may do. */
export interface Caller {
  workspaceId: string;
  workspaceName: string;
  keyId: string;
  scopes: ReadonlySet<Scope>;
  isTest: boolean;
}

/** What a request carries through the app. */
export interface AppEnv {
  Bindings: { ASSETS?: Assets };
  Variables: { services: Services; requestId: string; caller: Caller; nonce: string };
}
