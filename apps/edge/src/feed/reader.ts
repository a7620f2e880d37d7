import type { Scope } from "@sandi/contracts";

/** Who reads events: an API key, or an endpoint with the scopes of the key that made it. */
export interface EventReader {
  workspaceId: string;
  scopes: ReadonlySet<Scope>;
}

/** A reader of live events, or of those of the sandbox. */
export interface FeedReader extends EventReader {
  test: 0 | 1;
}
