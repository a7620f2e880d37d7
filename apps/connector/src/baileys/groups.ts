import type { Group } from "@sandi/contracts";
import {
  type GroupMetadata,
  isLidUser,
  isPnUser,
  jidDecode,
  jidNormalizedUser,
  type WASocket,
} from "@whiskeysockets/baileys";

const roles = { superadmin: "owner", admin: "admin" } as const;

/** Asks WhatsApp to describe a group. */
export async function readGroup(sock: WASocket, groupId: string): Promise<Group> {
  const group = await sock.groupMetadata(groupId);
  return {
    id: group.id,
    subject: group.subject,
    description: group.desc ?? null,
    owner: group.owner === undefined ? null : personOf([group.owner, group.ownerPn]),
    createdAt: group.creation ? new Date(group.creation * 1000).toISOString() : null,
    isCommunity: group.isCommunity ?? false,
    settings: settingsOf(group),
    participants: group.participants.map(({ id, phoneNumber, lid, admin }) => ({
      person: personOf([id, phoneNumber, lid]),
      role: admin ? roles[admin] : "member",
    })),
  };
}

const settingsOf = ({ announce, restrict, memberAddMode, joinApprovalMode, ephemeralDuration }: GroupMetadata) => ({
  sendMessages: announce ? ("admins" as const) : ("all" as const),
  editInfo: restrict ? ("admins" as const) : ("all" as const),
  addMembers: memberAddMode ? ("all" as const) : ("admins" as const),
  approveJoins: joinApprovalMode ?? false,
  // A missing number is NaN. Zero means off.
  disappearingSeconds: ephemeralDuration || null,
});

/** A person by all jids that a stanza gives. */
function personOf(jids: (string | undefined)[]): Group["participants"][number]["person"] {
  const pn = jids.find((jid) => isPnUser(jid));
  const lid = jids.find((jid) => isLidUser(jid));
  return { phone: pn ? `+${jidDecode(pn)?.user}` : null, lid: lid ? jidNormalizedUser(lid) : null };
}
