import { DeleteForMeRpc, EditMessageRpc, PinRpc, ReactRpc, RevokeMessageRpc, StarRpc, VoteRpc } from "@sandi/contracts";
import { deleteForEveryone, editTo, pinFor, reactWith, voteFor } from "../actions/actions.ts";
import { doForSelf, type SelfContext } from "../actions/for-self.ts";
import { type Asked, perform } from "../actions/perform.ts";
import type { LiveSession } from "../session/live.ts";
import { handle, type HandledRpc, onlineSocket } from "./handle.ts";

/** The calls with which the account does something with a message. */
export function actionCalls(context: SelfContext): HandledRpc[] {
  const { services } = context;
  const run = (
    { live, refuse }: { live: LiveSession; refuse: Parameters<typeof onlineSocket>[0]["refuse"] },
    { messageId, actionId }: Omit<Asked, "write">,
    write: Asked["write"],
  ) => perform(context, { live, socket: onlineSocket({ live, refuse }) }, { messageId, actionId, write });
  return [
    handle(EditMessageRpc, (call) => run(call, call.input, editTo(services, call.input.text))),
    handle(RevokeMessageRpc, (call) => run(call, call.input, deleteForEveryone)),
    handle(ReactRpc, (call) => run(call, call.input, reactWith(services, call.input.emoji))),
    handle(PinRpc, (call) => run(call, call.input, pinFor(services, call.input.seconds))),
    handle(StarRpc, ({ live, refuse, input: { messageId, isStarred } }) => {
      const change = { type: "star", isStarred } as const;
      return doForSelf(context, { live, socket: onlineSocket({ live, refuse }) }, { messageId, change });
    }),
    handle(DeleteForMeRpc, ({ live, refuse, input: { messageId, sentAt } }) => {
      const change = { type: "deleteForMe", sentAt: new Date(sentAt) } as const;
      return doForSelf(context, { live, socket: onlineSocket({ live, refuse }) }, { messageId, change });
    }),
    handle(VoteRpc, (call) => run(call, call.input, voteFor(services, call.input.options))),
  ];
}
