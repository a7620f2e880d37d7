import type { FetchFiles } from "../inbound/fetch-files.ts";
import type { Numbers } from "../numbers/numbers.ts";
import type { Services } from "../services.ts";
import type { Store } from "../store/store.ts";
import { chatCalls } from "./chats.ts";
import { actionCalls } from "./message-actions.ts";
import { mediaCalls } from "./media.ts";
import { messageCalls } from "./messages.ts";
import { groupCalls } from "./groups.ts";
import type { HandledRpc } from "./handle.ts";
import { numberCalls } from "./numbers.ts";
import { peopleCalls } from "./people.ts";
import { sessionCalls } from "./sessions.ts";

type Parts = Parameters<typeof messageCalls>[0] &
  Parameters<typeof peopleCalls>[0] &
  Parameters<typeof actionCalls>[0] & {
    services: Services;
    store: Store;
    numbers: Numbers;
    files: FetchFiles;
  };

/** Every call that the edge makes, area by area. */
export const rpcCalls = ({ numbers, files, ...parts }: Parts): HandledRpc[] => [
  ...sessionCalls(parts.services, parts.store),
  ...numberCalls(numbers, parts.services),
  ...groupCalls(parts.services),
  ...messageCalls(parts),
  ...actionCalls(parts),
  ...chatCalls(parts),
  ...mediaCalls(files),
  ...peopleCalls(parts),
];
