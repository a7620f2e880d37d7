import { decodePatches, encodeSyncdPatch, type LTHashState, newLTHashState, proto } from "@whiskeysockets/baileys";
import type { ChatMessage, SelfAction } from "../api.ts";
import { SimulatorError } from "../errors.ts";
import type { Phone } from "../phone/phone.ts";
import { showChange, showRemoval } from "../phone/show.ts";
import { chatOf, type Recipient } from "../phone/transmit.ts";
import { jidOf, parseJid } from "../wire/jid.ts";
import type { World } from "../world.ts";
import type { CollectionName } from "./app-state.ts";
import { notifyCompanions } from "./notify.ts";

/** The collection of what a person does to messages for themselves. Phones look for it nowhere else. */
const collection: CollectionName = "regular_high";
const { SET } = proto.SyncdMutation.SyncdOperation;

type Mutation = Awaited<ReturnType<typeof decodePatches>>["mutationMap"][string];

/** The phone reads what its companions changed, in all collections. */
export function readOnPhone(world: World, phone: Phone): void {
  if (!phone.online) return;
  phone
    .enqueue(async () => {
      for (const name of phone.appState.names()) await catchUp(world, phone, name);
    })
    .catch(() => {
      world.counters.appStateUnreadable++;
    });
}

/** Stars a message on the phone, or deletes it there: a patch that its companions read. */
export async function actAlone(world: World, phone: Phone, to: Recipient, action: SelfAction): Promise<ChatMessage> {
  if (!phone.online) throw new SimulatorError("phone_offline", `${phone.e164} is offline`);
  const id = "star" in action ? action.star : "unstar" in action ? action.unstar : action.deleteForMe;
  const message = phone.chat.find(chatOf(to), id);
  if (!message) throw new SimulatorError("message_not_found");
  await phone.enqueue(async () => {
    const { id: keyId } = phone.appState.key(world);
    const patch = { type: collection, operation: SET, ...patchOf(world, phone, message, action) };
    for (;;) {
      const state = await catchUp(world, phone, collection);
      const { patch: made } = await encodeSyncdPatch(patch, keyId.toString("base64"), state, keyReader(phone));
      // While it was encrypted, a companion may have been faster.
      if (phone.appState.add(collection, state.version, Buffer.from(proto.SyncdPatch.encode(made).finish()))) break;
    }
    phone.dirty = true;
    await catchUp(world, phone, collection);
    notifyCompanions(world, phone, collection);
  });
  return { ...(phone.chat.find(message.chat, id) ?? message) };
}

function patchOf(world: World, phone: Phone, message: ChatMessage, action: SelfAction) {
  const timestamp = world.now();
  const named = namesOf(world, phone, message);
  if (!("deleteForMe" in action)) {
    const syncAction = { starAction: { starred: "star" in action }, timestamp };
    return { syncAction, index: ["star", ...named], apiVersion: 2 };
  }
  const deleteMessageForMeAction = { deleteMedia: false, messageTimestamp: Date.parse(message.at) / 1000 };
  return {
    syncAction: { deleteMessageForMeAction, timestamp },
    index: ["deleteMessageForMe", ...named],
    apiVersion: 3,
  };
}

/** How devices name a message: its chat, its id, whether the account wrote it, and in a group its author. */
function namesOf(world: World, phone: Phone, message: ChatMessage): string[] {
  const isOwn = message.from === phone.e164;
  const person = world.phones.byNumber(message.chat.slice(1));
  const author = person || isOwn ? undefined : world.phones.byNumber(message.from.slice(1));
  return [
    person ? jidOf(person, "pn") : message.chat,
    message.id,
    isOwn ? "1" : "0",
    author ? jidOf(author, "lid") : "0",
  ];
}

/** Reads the patches that the phone has not read yet, and applies them. */
async function catchUp(world: World, phone: Phone, name: CollectionName): Promise<LTHashState> {
  const { appState } = phone;
  let state = appState.reading.get(name) ?? newLTHashState();
  for (const bytes of appState.patchesAfter(name, state.version)) {
    let problem: string | undefined;
    const logger = { warn: (_: object, said: string) => void (problem = said) } as never;
    const patch = proto.SyncdPatch.decode(bytes);
    const read = await decodePatches(name, [patch], state, keyReader(phone), {}, undefined, logger, true);
    if (problem !== undefined) throw new Error(`${name}: ${problem}`);
    state = read.state;
    appState.reading.set(name, state);
    if (name === collection) for (const mutation of Object.values(read.mutationMap)) apply(world, phone, mutation);
  }
  return state;
}

/** The phone has one key; a patch with another one cannot be read. */
const keyReader = (phone: Phone) => async (id: string) => {
  const { syncKey } = phone.appState;
  return syncKey?.id.toString("base64") === id ? { keyData: syncKey.data } : undefined;
};

/** A change of a message that the phone does not show has no effect. */
function apply(world: World, phone: Phone, { syncAction, index }: Mutation): void {
  const [type, jid = "", id = "", isOwn, author] = index;
  const chat = world.phones.byJid(parseJid(jid))?.e164 ?? jid;
  const message = phone.chat.find(chat, id);
  if (!message || !isNamed(world, phone, message, { isOwn, author })) return;
  const { starAction } = syncAction.value ?? {};
  if (type === "star" && starAction) showChange(world, phone, message, { isStarred: starAction.starred === true });
  if (type === "deleteMessageForMe") showRemoval(world, phone, message);
}

/** Whether the author of the message is named as phones name them. */
function isNamed(
  world: World,
  phone: Phone,
  message: ChatMessage,
  { isOwn, author }: { isOwn: string | undefined; author: string | undefined },
): boolean {
  if ((isOwn === "1") !== (message.from === phone.e164)) return false;
  const isOfOther = isOwn === "0" && !world.phones.byNumber(message.chat.slice(1));
  return isOfOther ? world.phones.byJid(parseJid(author))?.e164 === message.from : author === "0";
}
