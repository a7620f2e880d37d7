import {
  type BinaryNode,
  getBinaryNodeChild,
  isLidUser,
  jidDecode,
  jidNormalizedUser,
  type SignalDataSet,
  type SignalDataTypeMap,
  type WASocket,
} from "@whiskeysockets/baileys";

/** The devices that have the account's key of a group, by their jids. Baileys sends it to those that are missing here. */
type Holders = SignalDataTypeMap["sender-key-memory"];

/** An entry of the same kind that is no group: when the phone of a user got other keys, in milliseconds. */
const newPhones = "new phones";
const mostNewPhones = 500;
/** Among the holders: until when new phones are considered. Device jids have an `@`. */
const consideredUntil = "considered until";

const userOf = (jid: string | null | undefined) => jidDecode(jid ?? undefined)?.user;

interface Members {
  group: string;
  /** The users of all members, by phone number and by LID, the account among them. */
  users: ReadonlySet<string>;
  /** All devices of the members, as far as WhatsApp named them. */
  devices: { user: string; jid: string }[];
  own: { id: string; lid: string | undefined };
  now: number;
}

/**
 * Prepares the account's key of a group for the next message. Baileys never replaces it: who left the group, or a device
 * that was unlinked, could read on. And it sends the key to a device once only, so that a phone with a fresh installation
 * could not read. Call it under the lock of Baileys' sends.
 */
export async function prepareSenderKey(keys: WASocket["authState"]["keys"], members: Members): Promise<unknown> {
  const { group, users, devices, own, now } = members;
  const stored = await keys.get("sender-key-memory", [group, newPhones]);
  const holders = stored[group] ?? {};
  const jids = Object.keys(holders).filter((name) => name.includes("@"));
  const named = new Set(devices.map(({ user }) => user));
  const current = new Set(devices.map(({ jid }) => jid));
  const self = own.lid ?? own.id;
  const isGone = (jid: string) => {
    const user = userOf(jid) ?? "";
    return !users.has(user) || (named.has(user) && !current.has(jid) && jid !== self);
  };
  // The sending device itself needs no copy. Whether others have a key of which no holder is known, nobody knows.
  const kept: Record<string, unknown> = { [self]: true, [consideredUntil]: now };
  if (jids.length === 0 || jids.some(isGone)) return keys.set(renewedKeys(group, own, kept as Holders));
  const changes = (stored[newPhones] ?? {}) as unknown as Record<string, number>;
  const since = Number((holders as Record<string, unknown>)[consideredUntil] ?? 0);
  for (const jid of jids) {
    const isNewPhone = (changes[userOf(jid) ?? ""] ?? 0) >= since && (jidDecode(jid)?.device ?? 0) === 0;
    if (!isNewPhone) kept[jid] = true;
  }
  const isSame = jids.length === Object.keys(kept).length - 1 && since > 0;
  return isSame ? undefined : keys.set({ "sender-key-memory": { [group]: kept as Holders } });
}

/** Replaces the key of a group with the next message, because it is not known who has the current one. */
export async function renewSenderKey({ keys, creds }: WASocket["authState"], group: string): Promise<void> {
  const { id = "", lid } = creds.me ?? {};
  await keys.transaction(async () => keys.set(renewedKeys(group, { id, lid }, null)), id);
}

/** What is stored of a group whose key is replaced with the next message. */
export function renewedKeys(
  group: string,
  own: { id: string; lid?: string | undefined },
  holders: Holders | null,
): SignalDataSet {
  const names = [own.lid, own.id].flatMap((jid) => (jid ? [senderKeyName(group, jid)] : []));
  return {
    "sender-key": Object.fromEntries(names.map((name) => [name, null])),
    "sender-key-memory": { [group]: holders },
  };
}

/** As Baileys names the key of a device in a group. */
function senderKeyName(group: string, jid: string): string {
  const { user, device } = jidDecode(jid)!;
  return `${group}::${user}${isLidUser(jid) ? "_1" : ""}::${device ?? 0}`;
}

/** Notes whose phone got other keys: with a fresh installation it has lost the keys of its groups. */
export function subscribeNewPhones(sock: WASocket, unsaved: (error: unknown) => void, now = Date.now): void {
  const { lidMapping } = sock.signalRepository;
  sock.ws.on("CB:notification,type:encrypt", (node: BinaryNode) => {
    const { from } = node.attrs;
    if (!from || !getBinaryNodeChild(node, "identity")) return;
    note(jidNormalizedUser(from)).catch(unsaved);
  });

  async function note(jid: string): Promise<void> {
    const { keys, creds } = sock.authState;
    const other = await (isLidUser(jid) ? lidMapping.getPNForLID(jid) : lidMapping.getLIDForPN(jid));
    await keys.transaction(async () => {
      const stored = await keys.get("sender-key-memory", [newPhones]);
      const changes = { ...(stored[newPhones] as unknown as Record<string, number> | undefined) };
      for (const user of [userOf(jid), userOf(other)]) if (user !== undefined) changes[user] = now();
      const newest = Object.entries(changes).toSorted(([, a], [, b]) => b - a);
      const kept = Object.fromEntries(newest.slice(0, mostNewPhones)) as unknown as Holders;
      await keys.set({ "sender-key-memory": { [newPhones]: kept } });
    }, creds.me?.id ?? "");
  }
}
