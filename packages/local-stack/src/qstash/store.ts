import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import type { Answer, DeadLetter, Message, Spec } from "./message.ts";

/** What is stored by name: settings of queues and flow controls, and schedules. */
export type Kind = "queue" | "flow" | "schedule";

const schema = `
  CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY, spec TEXT NOT NULL, body BLOB NOT NULL, created_at INTEGER NOT NULL,
    not_before INTEGER NOT NULL, due_at INTEGER NOT NULL, retried INTEGER NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS dead_letter (dlq_id TEXT PRIMARY KEY, id TEXT NOT NULL, spec TEXT NOT NULL, body BLOB NOT NULL,
    created_at INTEGER NOT NULL, not_before INTEGER NOT NULL, retried INTEGER NOT NULL, failed_at INTEGER NOT NULL,
    answer TEXT NOT NULL, answer_body BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, message_id TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS named (kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
`;

/** A deduplication id and the message that was accepted under it. */
export interface Seen {
  id: string;
  messageId: string;
  until: number;
}

/** The changes of one step. They are written in one transaction. */
export interface Change {
  add?: Message[];
  seen?: Seen[];
  retry?: Message;
  remove?: string[];
  bury?: DeadLetter;
  unbury?: string[];
}

/** The SQLite file of the messages. */
export class Store {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #position: number;

  constructor(file: string) {
    this.#database = new DatabaseSync(file);
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${schema}`);
    const [[last]] = this.#all("SELECT coalesce(max(position), 0) FROM message") as [[number]];
    this.#position = last + 1;
  }

  write({ add = [], seen = [], retry, remove = [], bury, unbury = [] }: Change): void {
    const count = add.length + seen.length + remove.length + unbury.length + (retry ? 1 : 0) + (bury ? 1 : 0);
    if (count === 0) return;
    if (count > 1) this.#run("BEGIN IMMEDIATE");
    try {
      for (const one of add) this.#add(one);
      for (const { id, messageId, until } of seen)
        this.#run("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", id, messageId, until);
      if (retry)
        this.#run("UPDATE message SET retried = ?, due_at = ? WHERE id = ?", retry.retried, retry.dueAt, retry.id);
      for (const id of remove) this.#run("DELETE FROM message WHERE id = ?", id);
      if (bury) this.#bury(bury);
      for (const id of unbury) this.#run("DELETE FROM dead_letter WHERE dlq_id = ?", id);
      if (count > 1) this.#run("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#run("ROLLBACK");
      throw error;
    }
  }

  /** The messages that are not delivered, in the order of arrival. */
  messages(): Message[] {
    return this.#all(
      "SELECT id, spec, body, created_at, not_before, due_at, retried FROM message ORDER BY position",
    ).map(([id, spec, body, createdAt, notBefore, dueAt, retried]) => ({
      id: id as string,
      spec: JSON.parse(spec as string) as Spec,
      body: Buffer.from(body as Uint8Array),
      createdAt: createdAt as number,
      notBefore: notBefore as number,
      dueAt: dueAt as number,
      retried: retried as number,
      isGone: false,
    }));
  }

  /** The dead letters, newest first. */
  deadLetters(): DeadLetter[] {
    const columns = "dlq_id, id, spec, body, created_at, not_before, retried, failed_at, answer, answer_body";
    return this.#all(`SELECT ${columns} FROM dead_letter ORDER BY rowid DESC`).map(
      ([dlqId, id, spec, body, createdAt, notBefore, retried, failedAt, answer, answerBody]) => ({
        dlqId: dlqId as string,
        id: id as string,
        spec: JSON.parse(spec as string) as Spec,
        body: Buffer.from(body as Uint8Array),
        createdAt: createdAt as number,
        notBefore: notBefore as number,
        retried: retried as number,
        failedAt: failedAt as number,
        answer: {
          ...(JSON.parse(answer as string) as Omit<Answer, "body">),
          body: Buffer.from(answerBody as Uint8Array),
        },
      }),
    );
  }

  /** The deduplication ids, oldest first. */
  seen(): Seen[] {
    return this.#all("SELECT id, message_id, until FROM seen ORDER BY until").map(([id, messageId, until]) => ({
      id: id as string,
      messageId: messageId as string,
      until: until as number,
    }));
  }

  /** Deletes the expired deduplication ids, and the dead letters older than `deadSince`. */
  forget(now: number, deadSince: number): void {
    this.#run("DELETE FROM seen WHERE until <= ?", now);
    this.#run("DELETE FROM dead_letter WHERE failed_at < ?", deadSince);
  }

  named<T>(kind: Kind): [string, T][] {
    return this.#all("SELECT name, value FROM named WHERE kind = ?", kind).map(([name, value]) => [
      name as string,
      JSON.parse(value as string) as T,
    ]);
  }

  setNamed(kind: Kind, name: string, value: unknown): void {
    this.#run("INSERT OR REPLACE INTO named VALUES (?, ?, ?)", kind, name, JSON.stringify(value));
  }

  deleteNamed(kind: Kind, name: string): void {
    this.#run("DELETE FROM named WHERE kind = ? AND name = ?", kind, name);
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #add({ id, spec, body, createdAt, notBefore, dueAt, retried }: Message): void {
    const sql = "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    this.#run(sql, id, JSON.stringify(spec), body, createdAt, notBefore, dueAt, retried, this.#position++);
  }

  #bury({ dlqId, id, spec, body, createdAt, notBefore, retried, failedAt, answer }: DeadLetter): void {
    const { body: answerBody, ...rest } = answer;
    const sql = "INSERT INTO dead_letter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    this.#run(
      sql,
      dlqId,
      id,
      JSON.stringify(spec),
      body,
      createdAt,
      notBefore,
      retried,
      failedAt,
      JSON.stringify(rest),
      answerBody,
    );
  }

  #run(sql: string, ...args: SQLInputValue[]): void {
    this.#prepare(sql).run(...args);
  }

  #all(sql: string, ...args: SQLInputValue[]): SQLOutputValue[][] {
    return this.#prepare(sql).all(...args) as unknown as SQLOutputValue[][];
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
