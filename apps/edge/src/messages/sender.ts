import type { CompiledQuery, RawBuilder } from "kysely";
import type { AppError, Reachability } from "@sandi/contracts";
import type { Db } from "../db/schema.ts";
import type { NewJob } from "../jobs/append-job.ts";
import type { JobColumns, JobKind } from "../jobs/kind.ts";
import type { Phone } from "../phone.ts";
import type { Services } from "../services.ts";
import type { Candidate, Route } from "../sessions/pick.ts";

/** Who sends for a tenant: the WhatsApp accounts of the workspace, or the sandbox. */
export interface Sender {
  /** Whether access rules, the prefix guard and destination limits apply, and whether its sends count for them. */
  readonly isLimited: boolean;
  /** The sender in SQL, as one row of id, may_write, has_written and fallback. No row: there is none. */
  pick(request: { workspaceId: string; route: Route; toHash: string; at: number }): RawBuilder<unknown>;
  /** The pool whose senders replace each other; null: a message stays with its sender. */
  poolOf(workspaceId: string, route: Route): string | null;
  /** Why nobody can send; undefined if somebody can. */
  refusalOf(route: Route, found: Candidate | undefined, need: { opensChat: boolean }): AppError | undefined;
  /** The code of a new verification. */
  codeOf(length: number, draw: (length: number) => string): string;
  /** Statements that store the jobs of these messages. They run after the INSERT of the messages. */
  queue<Row>(db: Db, workspaceId: string | undefined, kind: JobKind<Row>, job: NewJob): CompiledQuery[];
  /** Publishes stored jobs beside the answer. */
  publish<Row>(services: Services, kind: JobKind<Row>, rows: readonly (Row & JobColumns)[]): void;
  /** Statements that do what is due by now. */
  settle(db: Db, workspaceId: string, at: number): CompiledQuery[];
  /** The number that users write to, given its session's number; null: there is none. */
  numberOf(sessionPhone: string | null): string | null;
  /** Answers which numbers have an account. */
  lookUp(
    services: Services,
    candidate: Candidate | undefined,
    phones: readonly Phone[],
  ): Promise<Reachability["results"]>;
}
