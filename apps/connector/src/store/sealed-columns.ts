import type { AtRestContext } from "@sandi/crypto";
import type { Row } from "@libsql/client";
import { text } from "./row.ts";

/** A column whose values are sealed. */
export interface SealedColumn {
  table: string;
  column: string;
  /** What names a row, in the order of an index. */
  key: readonly string[];
  /** SQL of the sealed value where the column holds more than it. */
  sealed?: string;
  /** Whose key it is: a session's id, or `connector`. */
  owner: (row: Row) => string;
  context: (row: Row) => AtRestContext;
  /** The column's value with another sealed value in it. */
  put?: (value: string, sealed: string) => string;
  /** Rows of before hold readable text that is to be sealed as well. */
  wasReadable?: true;
}

const ofSession = (row: Row) => text(row, "session_id");
const ofConnector = () => "connector";

/** Every sealed column of the connector's database; a test compares them with the schema. */
export const sealedColumns: readonly SealedColumn[] = [
  {
    table: "credential",
    column: "sealed",
    key: ["session_id", "kind", "key_id"],
    owner: ofSession,
    context: (row) => ({ table: "credential", column: text(row, "kind"), id: text(row, "key_id") }),
  },
  {
    table: "ledger",
    column: "sealed",
    key: ["message_id"],
    owner: ofSession,
    context: (row) => ({ table: "ledger", column: "sealed", id: text(row, "wa_id") }),
  },
  {
    table: "ledger",
    column: "sealed_chat",
    key: ["message_id"],
    owner: ofSession,
    context: (row) => ({ table: "ledger", column: "sealed_chat", id: text(row, "wa_id") }),
  },
  {
    table: "number",
    column: "sealed_jid",
    key: ["id"],
    owner: ofConnector,
    context: (row) => ({ table: "number", column: "sealed_jid", id: text(row, "id") }),
  },
  {
    table: "identity",
    column: "sealed_pn",
    key: ["lid"],
    owner: ofConnector,
    context: (row) => ({ table: "identity", column: "sealed_pn", id: text(row, "lid") }),
  },
  {
    table: "outbox",
    column: "body",
    key: ["seq"],
    sealed: "body ->> 'sealed'",
    owner: ofSession,
    context: (row) => ({ table: "outbox", column: "body", id: (JSON.parse(text(row, "body")) as { id: string }).id }),
    put: (body, sealed) => JSON.stringify({ ...(JSON.parse(body) as object), sealed }),
  },
  {
    table: "session",
    column: "phone",
    key: ["id"],
    owner: (row) => text(row, "id"),
    context: (row) => ({ table: "session", column: "phone", id: text(row, "id") }),
    wasReadable: true,
  },
  {
    table: "session",
    column: "account",
    key: ["id"],
    owner: (row) => text(row, "id"),
    // The same sealed text as in `phone`.
    context: (row) => ({ table: "session", column: "phone", id: text(row, "id") }),
    wasReadable: true,
  },
  {
    table: "session",
    column: "proxy",
    key: ["id"],
    owner: (row) => text(row, "id"),
    context: (row) => ({ table: "session", column: "proxy", id: text(row, "id") }),
  },
  {
    table: "setting",
    column: "value",
    key: ["name"],
    // Not every setting is a secret.
    sealed: "CASE WHEN value LIKE 'v1.%' THEN value END",
    owner: ofConnector,
    context: (row) => ({ table: "setting", column: "value", id: text(row, "name") }),
  },
];
