import { changeIn, keyIn } from "../content/changes.ts";
import { isGroup } from "../content/jids.ts";
import { decode } from "../content/wire.ts";
import { actionMessage, findAction } from "../store/actions.ts";
import type { Fence } from "../store/fence.ts";
import { wasReceived } from "../store/received.ts";
import { applyChange } from "./apply-change.ts";
import type { ChangeContext } from "./context.ts";

/** An action that WhatsApp has acknowledged, and the account's own jids. */
export interface Acknowledged {
  waId: string;
  own: () => string[];
}

/**
 * Stores what an action of the account did, as if its phone had done it: once, however often it is called. Messages that are
 * no actions change nothing. Rejects with `LeaseLost`.
 */
export async function applyAction(context: ChangeContext, fence: Fence, { waId, own }: Acknowledged): Promise<void> {
  const { store, atRest, pseudonym, services } = context;
  const { sessionId } = fence;
  const action = await findAction(store, sessionId, waId);
  if (!action || (await wasReceived(store, sessionId, pseudonym(waId)))) return;
  const message = decode(await atRest(sessionId).open(action.sealed, actionMessage.context(waId)));
  const [change, key] = [changeIn(message), keyIn(message)];
  const chat = key?.remoteJid;
  if (!change || !chat) throw new TypeError("an action changes a message of a chat");
  const group = isGroup(chat) ? chat : null;
  await applyChange(context, fence, {
    waId,
    group,
    origin: "device",
    names: group === null ? [chat] : [],
    from: null,
    own: own(),
    pushName: null,
    isOffline: false,
    isByAdmin: group !== null && key.fromMe !== true,
    at: services.now(),
    change,
  });
}
