import type { Numbers } from "../numbers/numbers.ts";
import type { Services } from "../services.ts";
import type { Store } from "../store/store.ts";
import { groupCalls } from "./groups.ts";
import type { HandledRpc } from "./handle.ts";
import { numberCalls } from "./numbers.ts";
import { sessionCalls } from "./sessions.ts";

interface Parts {
  services: Services;
  store: Store;
  numbers: Numbers;
}

/** Every call that the edge makes, area by area. */
export const rpcCalls = ({ services, store, numbers }: Parts): HandledRpc[] => [
  ...sessionCalls(services, store),
  ...numberCalls(numbers, services),
  ...groupCalls(services),
];
