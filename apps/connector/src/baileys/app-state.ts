import {
  type BinaryNode,
  encodeSyncdPatch,
  ensureLTHashStateVersion,
  getBinaryNodeChild,
  type LTHashState,
  newLTHashState,
  proto,
  S_WHATSAPP_NET,
  type WAPatchCreate,
  type WAPatchName,
  type WASocket,
} from "@whiskeysockets/baileys";
import { Refused } from "./answered.ts";
import type { BaileysLogger } from "./logger.ts";
import { NoAnswer } from "./no-answer.ts";

/** No change was made, and none will be. */
export class NotChanged extends NoAnswer {
  override readonly name = "NotChanged";
}

/** How devices of the account name a message. */
export interface MessageName {
  /** The jid of its chat. */
  chat: string;
  waId: string;
  /** The account wrote it. */
  isOwn: boolean;
  /** In a group, the jid of the author when somebody else wrote it. */
  author: string | null;
}

interface Doing extends MessageName {
  now: Date;
}

const { SET } = proto.SyncdMutation.SyncdOperation;
const conflict = "409";
/** Another device was faster each time, or what is stored here is wrong. */
const attempts = 4;
const retryMs = 2000;
/** Less than a caller waits (answered.ts): nothing is sent after that. */
const lateMs = 3500;

/** Stars a message on all devices of the account, or takes the star back. Nobody else sees it. */
export function starMessage(
  sock: WASocket,
  { isStarred, now, ...name }: Doing & { isStarred: boolean },
): Promise<void> {
  // Baileys' own function writes a form that phones ignore.
  const syncAction = { starAction: { starred: isStarred }, timestamp: now.getTime() };
  return patch(sock, { ...patchOf("star", name), syncAction, apiVersion: 2 });
}

/** Deletes a message on all devices of the account. Everybody else keeps it. @param at when it was sent or received */
export function deleteForMe(sock: WASocket, { at, now, ...name }: Doing & { at: Date }): Promise<void> {
  const deleteMessageForMeAction = { deleteMedia: true, messageTimestamp: Math.floor(at.getTime() / 1000) };
  const syncAction = { deleteMessageForMeAction, timestamp: now.getTime() };
  return patch(sock, { ...patchOf("deleteMessageForMe", name), syncAction, apiVersion: 3 });
}

function patchOf(action: string, { chat, waId, isOwn, author }: MessageName) {
  const index = [action, chat, waId, isOwn ? "1" : "0", author ?? "0"];
  return { type: "regular_high", operation: SET, index } as const;
}

const queues = new WeakMap<WASocket, Promise<void>>();

/** Changes the app state, one change of a socket at a time. Resolves when the server has it. */
function patch(sock: WASocket, change: WAPatchCreate): Promise<void> {
  const lateAt = performance.now() + lateMs;
  const run = (queues.get(sock) ?? Promise.resolve()).then(() => upload(sock, change, lateAt));
  queues.set(
    sock,
    run.catch(() => undefined),
  );
  return run;
}

/**
 * Baileys does not see that the server refused an upload: the answer is a result, and the error 409 is in its collection.
 * Baileys would store a version that the server does not have. Its later uploads would fail, and it would receive no changes.
 */
async function upload(sock: WASocket, change: WAPatchCreate, lateAt: number): Promise<void> {
  const { type: name } = change;
  const { keys, creds } = sock.authState;
  const { diverged } = sock.logger as BaileysLogger;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    // What is stored is not the server's, or may not be: everything is read again.
    if (diverged.delete(name) || attempt === attempts) await keys.set({ "app-state-sync-version": { [name]: null } });
    await sock.resyncAppState([name], false);
    // Other devices would not read a change that is made on this.
    if (diverged.has(name)) continue;
    const { myAppStateKeyId: keyId } = creds;
    const key = keyId === undefined ? undefined : (await keys.get("app-state-sync-key", [keyId]))[keyId];
    if (keyId === undefined || !key) throw new NotChanged("the phone has shared no key of the app state yet", retryMs);
    const { patch: made, state } = await encodeSyncdPatch(change, keyId, await stateOf(sock, name), async () => key);
    if (performance.now() > lateAt) throw new NotChanged("WhatsApp was too slow: nothing was changed", retryMs);
    const error = await refusalOf(sock, name, { version: state.version - 1, made });
    if (error === null) return store(sock, name, state);
    if (error !== conflict) throw new Refused(Number(error), new Error("the app state was refused"));
  }
  throw new NotChanged("other devices were faster each time, or the app state cannot be read", retryMs);
}

async function stateOf({ authState: { keys } }: WASocket, name: WAPatchName): Promise<LTHashState> {
  const stored = (await keys.get("app-state-sync-version", [name]))[name];
  return stored ? ensureLTHashStateVersion(stored) : newLTHashState();
}

/** A change of another device may be stored already: it was made on this one. */
async function store(sock: WASocket, name: WAPatchName, state: LTHashState): Promise<void> {
  const { keys, creds } = sock.authState;
  await keys.transaction(async () => {
    const { version } = await stateOf(sock, name);
    if (version < state.version) await keys.set({ "app-state-sync-version": { [name]: state } });
  }, creds.me?.id ?? name);
}

/** The error with which the server answers an upload; null: it is stored. */
async function refusalOf(
  sock: WASocket,
  name: WAPatchName,
  { version, made }: { version: number; made: proto.ISyncdPatch },
): Promise<string | null> {
  const content = [{ tag: "patch", attrs: {}, content: proto.SyncdPatch.encode(made).finish() }];
  const attrs = { name, version: String(version), return_snapshot: "false" };
  const answer: BinaryNode | undefined = await sock.query({
    tag: "iq",
    attrs: { to: S_WHATSAPP_NET, type: "set", xmlns: "w:sync:app:state" },
    content: [{ tag: "sync", attrs: {}, content: [{ tag: "collection", attrs, content }] }],
  });
  if (!answer) throw new NoAnswer("WhatsApp did not answer", retryMs);
  const collection = getBinaryNodeChild(getBinaryNodeChild(answer, "sync"), "collection");
  if (collection?.attrs["name"] === name && collection.attrs["type"] !== "error") return null;
  return getBinaryNodeChild(collection, "error")?.attrs["code"] ?? "500";
}
