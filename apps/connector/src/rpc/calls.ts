import type { Numbers } from "../numbers/numbers.ts";
import type { Services } from "../services.ts";
import type { Store } from "../store/store.ts";
import { chatCalls } from "./chats.ts";
import { actionCalls } from "./message-actions.ts";
import { messageCalls } from "./messages.ts";
import { groupCalls } from "./groups.ts";
import type { HandledRpc } from "./handle.ts";
import { numberCalls } from "./numbers.ts";
import { sessionCalls } from "./sessions.ts";

type Parts = Parameters<typeof messageCalls>[0] &
  Parameters<typeof actionCalls>[0] & {
    services: Services;
    store: Store;
    numbers: Numbers;
  };

/** Every call that the edge makes, area by area. */
export const rpcCalls = ({ numbers, ...parts }: Parts): HandledRpc[] => [
  ...sessionCalls(parts.services, parts.store),
  ...numberCalls(numbers, parts.services),
  ...groupCalls(parts.services),
  ...messageCalls(parts),
  ...actionCalls(parts),
  ...chatCalls(parts),
];
