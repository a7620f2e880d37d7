import {
  isLidUser,
  jidDecode,
  jidNormalizedUser,
  type MessageRelayOptions,
  type WASocket,
} from "@whiskeysockets/baileys";
import { storyJid } from "../content/jids.ts";
import type { WireMessage } from "../content/wire.ts";
import type { AuthState } from "./auth-state.ts";
import { NoAnswer, toNoAnswer } from "./no-answer.ts";
import { prepareSenderKey } from "./sender-keys.ts";

const unnamedWaitMs = 10_000;
/** The server refuses a story without it (479). */
const setting = { tag: "meta", attrs: { status_setting: "contacts" } };
const userOf = (jid: string | null | undefined) => jidDecode(jid ?? undefined)?.user ?? "";

/** The hidden ids of these people, as stories name them. WhatsApp is asked where one is unknown; who has none is left out. */
export async function lidsOf({ signalRepository }: WASocket, jids: readonly string[]): Promise<string[]> {
  const numbers = jids.filter((jid) => !isLidUser(jid));
  const found = numbers.length === 0 ? [] : await signalRepository.lidMapping.getLIDsForPNs(numbers);
  const byNumber = new Map((found ?? []).map(({ pn, lid }) => [userOf(pn), lid]));
  const lids = jids.map((jid) => (isLidUser(jid) ? jid : byNumber.get(userOf(jid))));
  return [...new Set(lids.flatMap((lid) => (lid === undefined ? [] : [jidNormalizedUser(lid)])))];
}

/** Sends a story to these hidden ids, and to the account's own devices. Nobody else gets its key. */
export async function relayStory(
  sock: WASocket,
  { creds }: Pick<AuthState, "creds">,
  { message, people, options }: { message: WireMessage; people: readonly string[]; options: MessageRelayOptions },
): Promise<void> {
  const { id = "", lid } = creds.me ?? {};
  const all = [...new Set([...(lid ? [jidNormalizedUser(lid)] : []), ...people])];
  const { keys } = sock.authState;
  await keys.transaction(async () => {
    const devices = await sock.getUSyncDevices(all, true, false).catch(toNoAnswer);
    const viewers = new Set(people.map(userOf));
    // Without any device of the others, the story would go to our own devices only, and be acknowledged.
    if (!devices.some(({ user }) => viewers.has(user))) {
      throw new NoAnswer("WhatsApp named no device of the people who are to see the story", unnamedWaitMs);
    }
    const users = new Set([...all, id].map(userOf));
    const named = devices.map(({ user, jid: device }) => ({ user, jid: device }));
    await prepareSenderKey(keys, { group: storyJid, users, devices: named, own: { id, lid }, now: Date.now() });
  }, id);
  const additionalNodes = [...(options.additionalNodes ?? []), setting];
  await sock.relayMessage(storyJid, message, { ...options, statusJidList: all, additionalNodes }).catch(toNoAnswer);
}
