import type { Route } from "./http.ts";
import type { Sweep } from "./sweeps.ts";

/** What a room adds to the process, beside what other rooms call. */
export interface Feature {
  routes?: readonly Route[];
  sweeps?: readonly Sweep[];
}
