import type { Numbers } from "../numbers/numbers.ts";
import type { Services } from "../services.ts";
import type { Store } from "../store/store.ts";
import { chatCalls } from "./chats.ts";
import { messageCalls } from "./messages.ts";
import { groupCalls } from "./groups.ts";
import type { HandledRpc } from "./handle.ts";
import { numberCalls } from "./numbers.ts";
import { sessionCalls } from "./sessions.ts";

type Parts = Parameters<typeof messageCalls>[0] & {
  services: Services;
  store: Store;
  numbers: Numbers;
};

/** Every call that the edge makes, area by area. */
export const rpcCalls = ({ services, store, numbers, ...parts }: Parts): HandledRpc[] => [
  ...sessionCalls(services, store),
  ...numberCalls(numbers, services),
  ...groupCalls(services),
  ...messageCalls({ store, ...parts }),
  ...chatCalls({ store, ...parts }),
];
