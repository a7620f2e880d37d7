import type { Role } from "./group.ts";

/** A group as the API shows it. Numbers are E.164 with the plus. */
export interface GroupInfo {
  /** The jid. */
  id: string;
  subject: string;
  description: string | null;
  createdBy: string;
  createdAt: string;
  /** Only admins write. */
  isAnnouncement: boolean;
  /** Only admins change the subject and the description. */
  isLocked: boolean;
  inviteCode: string;
  participants: { number: string; role: Role }[];
}

export interface CreateGroup {
  subject: string;
  /** The other participants; the phone that creates the group is its superadmin. */
  participants: string[];
  description?: string | undefined;
}

/** What an admin does to participants. */
export type ParticipantAction = "add" | "remove" | "promote" | "demote";

/** The result for one participant: 200, or the error. */
export interface ParticipantResult {
  number: string;
  status: 200 | 404 | 409;
}

/** Fields that are left out do not change. */
export interface GroupPatch {
  subject?: string | undefined;
  /** An empty text deletes it. */
  description?: string | undefined;
  isAnnouncement?: boolean | undefined;
  isLocked?: boolean | undefined;
}
