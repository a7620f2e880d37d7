import { ErasePersonRpc } from "@sandi/contracts";
import { createEraser, type EraseOptions } from "../inbound/erase-person.ts";
import { handle, type HandledRpc } from "./handle.ts";

/** The calls about people. */
export function peopleCalls(options: EraseOptions): HandledRpc[] {
  const erase = createEraser(options);
  return [
    handle(ErasePersonRpc, ({ live, input }) => {
      const { fence, workspaceId } = live;
      return erase({ fence, workspaceId, socket: live.online() }, input);
    }),
  ];
}
