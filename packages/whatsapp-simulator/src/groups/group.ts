/** What a participant may do; the creator is `superadmin`. */
export type Role = "member" | "admin" | "superadmin";

/** A text of the group, who set it (digits) and when (seconds). */
interface Written {
  text: string;
  by: string;
  at: number;
}

export interface StoredGroup {
  id: string;
  creator: string;
  createdAt: number;
  subject: Written;
  description: (Written & { id: string }) | null;
  participants: [number: string, role: Role][];
  isAnnouncement: boolean;
  isLocked: boolean;
  inviteCode: string;
}

/** A group as the server stores it. Numbers are digits, times are seconds. */
export class Group {
  /** The part of the jid before `@g.us`. */
  readonly id: string;
  readonly creator: string;
  readonly createdAt: number;
  readonly participants: Map<string, Role>;
  subject: Written;
  description: (Written & { id: string }) | null;
  /** Only admins write. */
  isAnnouncement: boolean;
  /** Only admins change the subject and the description. */
  isLocked: boolean;
  inviteCode: string;

  constructor(stored: StoredGroup) {
    this.id = stored.id;
    this.creator = stored.creator;
    this.createdAt = stored.createdAt;
    this.participants = new Map(stored.participants);
    this.subject = stored.subject;
    this.description = stored.description;
    this.isAnnouncement = stored.isAnnouncement;
    this.isLocked = stored.isLocked;
    this.inviteCode = stored.inviteCode;
  }

  get jid(): string {
    return `${this.id}@g.us`;
  }

  has(number: string): boolean {
    return this.participants.has(number);
  }

  isAdmin(number: string): boolean {
    const role = this.participants.get(number);
    return role !== undefined && role !== "member";
  }

  toState(): StoredGroup {
    const { id, creator, createdAt, subject, description, isAnnouncement, isLocked, inviteCode } = this;
    const participants = [...this.participants];
    return { id, creator, createdAt, subject, description, participants, isAnnouncement, isLocked, inviteCode };
  }
}

/** All groups, by id. */
export class Groups {
  readonly #byId = new Map<string, Group>();

  add(group: Group): void {
    this.#byId.set(group.id, group);
  }

  /** Accepts the id alone or the whole jid. */
  find(id: string): Group | undefined {
    return this.#byId.get(id.endsWith("@g.us") ? id.slice(0, -"@g.us".length) : id);
  }

  byInviteCode(code: string): Group | undefined {
    return [...this].find((group) => group.inviteCode === code);
  }

  of(number: string): Group[] {
    return [...this].filter((group) => group.has(number));
  }

  [Symbol.iterator](): Iterator<Group> {
    return this.#byId.values();
  }
}
