import {
  type BinaryNode,
  getAllBinaryNodeChildren,
  getBinaryNodeChildren,
  type GroupMetadata,
  jidDecode,
  jidNormalizedUser,
  type MessageRelayOptions,
  type WASocket,
} from "@whiskeysockets/baileys";
import { createSharedBound } from "../bounded-map.ts";
import type { WireMessage } from "../content/wire.ts";
import { answered } from "./answered.ts";
import type { AuthState } from "./auth-state.ts";
import type { SocketCaches } from "./caches.ts";
import { NoAnswer, toNoAnswer } from "./no-answer.ts";
import { prepareSenderKey, renewSenderKey } from "./sender-keys.ts";

/** What a send needs to know of a group. */
export interface SendingGroup {
  /** How many others are in it. */
  members: number;
  isMember: boolean;
  /** All members may write, or the account is an admin. */
  isOpen: boolean;
  /** How the group names this person; undefined for somebody who is not in it. */
  nameOf(jid: string): string | undefined;
}

/** What Baileys needs of a group for a send, with the LIDs of its members. */
type Known = Pick<GroupMetadata, "id" | "participants" | "addressingMode" | "ephemeralDuration" | "announce">;

/** The descriptions of groups that a socket has read. */
export interface KnownGroups {
  get(jid: string): Known | undefined;
  set(jid: string, group: Known): void;
  delete(jid: string): void;
}

const hourMs = 3_600_000;
const unnamedWaitMs = 10_000;
/** Shared by all sockets. One socket's descriptions end with it: it may have missed changes meanwhile. */
export const openKnownGroups: () => KnownGroups = createSharedBound<Known>(2000, hourMs);

/** Receives changes of groups. */
export interface GroupListener {
  /** Somebody is no longer in the group; all jids that the stanza names. */
  onLeft(group: string, names: string[]): void;
}

/** The sends of one socket to groups. */
export interface GroupSends {
  /** Rejects with `Refused` when WhatsApp does not describe the group, as to an account that is not in it. */
  read(jid: string): Promise<SendingGroup>;
  relay(jid: string, message: WireMessage, options: MessageRelayOptions): Promise<void>;
  /** Whether this person is in the group, so that a message may be sent again. */
  hasMember(jid: string, names: string[]): Promise<boolean>;
  /** Whether this person is an admin of the group. Rejects as `read` does. */
  hasAdmin(jid: string, names: string[]): Promise<boolean>;
  /**
   * A message was refused or its fate is unknown: the next send asks WhatsApp about the group, and uses a new key.
   * @param isStale it also asks for the devices of the members
   */
  renew(jid: string, isStale?: boolean): Promise<void>;
}

interface Parts extends Pick<SocketCaches, "userDevices"> {
  groups: KnownGroups;
  listener: GroupListener;
}

const userOf = (jid: string | undefined) => jidDecode(jid)?.user ?? "";

type Participant = GroupMetadata["participants"][number];

const isOneOf = ({ id, phoneNumber, lid }: Participant, users: ReadonlySet<string>) =>
  [id, phoneNumber, lid].some((jid) => jid !== undefined && users.has(userOf(jid)));

export function createGroupSends(
  sock: WASocket,
  { creds }: Pick<AuthState, "creds">,
  { groups, userDevices, listener }: Parts,
): GroupSends {
  const reading = new Map<string, Promise<Known>>();
  const own = () => new Set([creds.me?.id, creds.me?.lid].map(userOf));

  function forget(jid: string): void {
    groups.delete(jid);
    // What is being read now may be older than the change.
    reading.delete(jid);
  }

  sock.ws.on("CB:notification,type:w:gp2", (node: BinaryNode) => {
    const { from } = node.attrs;
    if (!from) return;
    forget(from);
    const left = getAllBinaryNodeChildren(node).filter(({ tag }) => tag === "remove" || tag === "leave");
    for (const { attrs } of left.flatMap((change) => getBinaryNodeChildren(change, "participant"))) {
      const names = [attrs["jid"], attrs["phone_number"], attrs["lid"]].flatMap((jid) => (jid ? [jid] : []));
      // The account itself sends no receipts that anybody waits for.
      if (names.some((jid) => own().has(userOf(jid)))) continue;
      listener.onLeft(
        from,
        names.map((jid) => jidNormalizedUser(jid)),
      );
    }
  });

  async function renew(jid: string, isStale = false): Promise<void> {
    const users = isStale ? (groups.get(jid)?.participants ?? []).map((each) => userOf(each.id)) : [];
    for (const user of users) void userDevices.del(user);
    forget(jid);
    await renewSenderKey(sock.authState, jid);
  }

  async function metadata(jid: string): Promise<Known> {
    const known = groups.get(jid);
    if (known) return known;
    const asked = reading.get(jid) ?? ask(jid);
    reading.set(jid, asked);
    try {
      const group = await asked;
      if (reading.get(jid) === asked) groups.set(jid, group);
      return group;
    } finally {
      if (reading.get(jid) === asked) reading.delete(jid);
    }
  }

  async function ask(jid: string): Promise<Known> {
    const { id, participants, addressingMode, ephemeralDuration, announce } = await answered(sock.groupMetadata(jid));
    const people = participants.map(({ id: name, phoneNumber, lid, admin }) => {
      return { id: name, phoneNumber, lid, admin } as Participant;
    });
    return { id, participants: people, addressingMode, ephemeralDuration, announce } as Known;
  }

  const isSelf = (participant: Participant) => isOneOf(participant, own());

  return {
    async read(jid) {
      const { participants, announce } = await metadata(jid);
      const self = participants.find(isSelf);
      return {
        members: participants.filter((each) => !isSelf(each)).length,
        isMember: self !== undefined,
        isOpen: !announce || Boolean(self?.admin),
        nameOf: (name) => participants.find((each) => isOneOf(each, new Set([userOf(name)])))?.id,
      };
    },
    async relay(jid, message, options) {
      const { participants } = await metadata(jid);
      const { id = "", lid } = creds.me ?? {};
      const { keys } = sock.authState;
      await keys.transaction(async () => {
        const all = participants.map((each) => each.id);
        const devices = await sock.getUSyncDevices(all, true, false).catch(toNoAnswer);
        const others = participants.filter((each) => !isSelf(each)).map((each) => userOf(each.id));
        // Without any device of the others, the message would go to our own devices only, and be acknowledged.
        if (others.length > 0 && !devices.some(({ user }) => others.includes(user))) {
          throw new NoAnswer("WhatsApp named no device of the group's members", unnamedWaitMs);
        }
        const users = new Set(participants.flatMap((each) => [each.id, each.phoneNumber, each.lid].map(userOf)));
        for (const user of own()) users.add(user);
        const named = devices.map(({ user, jid: device }) => ({ user, jid: device }));
        await prepareSenderKey(keys, { group: jid, users, devices: named, own: { id, lid }, now: Date.now() });
      }, id);
      try {
        await sock.relayMessage(jid, message, options);
      } catch (error) {
        await renew(jid);
        toNoAnswer(error);
      }
    },
    async hasMember(jid, names) {
      const { participants } = await metadata(jid);
      const users = new Set(names.map(userOf));
      return participants.some((each) => isOneOf(each, users));
    },
    async hasAdmin(jid, names) {
      const { participants } = await metadata(jid);
      const users = new Set(names.map(userOf));
      return participants.some((each) => Boolean(each.admin) && isOneOf(each, users));
    },
    renew,
  };
}
