import {
  type BinaryNode,
  getAllBinaryNodeChildren,
  getBinaryNodeChildren,
  isLidUser,
  jidDecode,
  jidNormalizedUser,
  type WASocket,
} from "@whiskeysockets/baileys";
import type { AuthState } from "./auth-state.ts";
import type { SocketCaches } from "./caches.ts";
import { NoAnswer, toNoAnswer } from "./no-answer.ts";

/** How long to wait when WhatsApp names no device of the recipient. */
const unnamedWaitMs = 10_000;

/**
 * Makes sure that the recipient's devices are known before a send. Baileys treats an error or an answer without devices as
 * "no devices": it sends to our own devices only, and WhatsApp acknowledges that. Rejects with `NoAnswer`.
 */
export async function requireDevices(
  sock: WASocket,
  { userDevices }: Pick<SocketCaches, "userDevices">,
  { creds }: Pick<AuthState, "creds">,
  jid: string,
): Promise<void> {
  const user = jidDecode(jid)?.user ?? "";
  const isNamed = async () => ((await userDevices.get<unknown[]>(user))?.length ?? 0) > 0;
  if (await isNamed()) return;
  const me = creds.me?.id ?? "";
  // A message by LID names our own devices by LID, too.
  const own = (isLidUser(jid) ? creds.me?.lid : undefined) ?? me;
  // Under the lock of Baileys' own sends: the query replaces sessions. Concurrent queries would lose sessions that
  // messages of the same person create meanwhile.
  await sock.authState.keys.transaction(async () => {
    if (await isNamed()) return;
    // Baileys does not ask again while the cache holds an empty list.
    await userDevices.del(user);
    // A send needs our own devices too. This is one query for both.
    await sock.getUSyncDevices([jidNormalizedUser(own), jid], true, false).catch(toNoAnswer);
    if (!(await isNamed())) throw new NoAnswer("WhatsApp named no device of the recipient", unnamedWaitMs);
  }, me);
}

/**
 * Deletes a person's cached devices when WhatsApp says that they changed. A person has two ids, phone number and LID.
 * Baileys updates only the id in the notification, but messages may go to the other one.
 */
export function subscribeDeviceChanges(sock: WASocket, { userDevices }: Pick<SocketCaches, "userDevices">): void {
  const { lidMapping } = sock.signalRepository;
  const forget = (jid: string | null | undefined) => jid && userDevices.del(jidDecode(jid)?.user ?? "");
  const otherIdOf = (jid: string) => (isLidUser(jid) ? lidMapping.getPNForLID(jid) : lidMapping.getLIDForPN(jid));

  sock.ws.on("CB:notification,type:devices", (node: BinaryNode) => {
    const devices = getAllBinaryNodeChildren(node).flatMap((change) => getBinaryNodeChildren(change, "device"));
    const named = [node.attrs["from"], node.attrs["lid"], ...devices.map(({ attrs }) => attrs["jid"])];
    for (const jid of new Set(named.flatMap((one) => (one ? [jidNormalizedUser(one)] : [])))) {
      void forget(jid);
      otherIdOf(jid).then(forget, () => undefined);
    }
  });
}
