import type { Call } from "./call.ts";
import { numbers } from "./sample-values.ts";

export const reachabilityCalls: Call[] = [
  {
    route: "POST /v1/reachability",
    body: { numbers: [numbers[0]] },
    asks: "redis libsql connector",
    budget: [1, 1700, 13, 0],
  },
];
