import type { AtRestContext } from "@sandi/crypto";
import { actionMessage } from "./actions.ts";
import type { Row } from "@libsql/client";
import { credentialOf } from "./credentials.ts";
import { identityPn } from "./identities.ts";
import { ledgerChat, ledgerMessage } from "./ledger.ts";
import { conversationPeople } from "./conversations.ts";
import { markContent } from "./marks.ts";
import { messageContent } from "./messages.ts";
import { numberedOptions } from "./numbered.ts";
import { numberJid } from "./numbers.ts";
import { sessionPhone } from "./own-number.ts";
import { settingValue } from "./pseudonyms.ts";
import { text } from "./row.ts";
import { outboxBody, outboxContent } from "./sealed-events.ts";
import { sessionProxy } from "./sealed-proxy.ts";

/** How a sealed column is resealed row by row. */
export interface ResealedColumn {
  table: string;
  column: string;
  /** The columns that name a row, in the order of an index. */
  key: readonly string[];
  /** SQL of the sealed value, where the column holds more than that. */
  sealed?: string;
  /** Whose key sealed it: a session's id, or `connector`. */
  owner: (row: Row) => string;
  context: (row: Row) => AtRestContext;
  /** The column's value with another sealed value in it. */
  put?: (value: string, sealed: string) => string;
  /** Old rows hold plaintext that has to be sealed too. */
  mayBePlaintext?: true;
}

const ofSession = (row: Row) => text(row, "session_id");
const ofConnector = () => "connector";
const eventIdOf = (row: Row) => (JSON.parse(text(row, "body")) as { id: string }).id;

/** Every sealed column of the connector's database; a test compares them with the schema. */
export const sealedColumns: readonly ResealedColumn[] = [
  {
    table: "credential",
    column: "sealed",
    key: ["session_id", "kind", "key_id"],
    owner: ofSession,
    context: (row) => credentialOf(text(row, "kind")).context(text(row, "key_id")),
  },
  {
    table: "ledger",
    column: "sealed",
    key: ["message_id"],
    owner: ofSession,
    context: (row) => ledgerMessage.context(text(row, "wa_id")),
  },
  {
    table: "ledger",
    column: "sealed_chat",
    key: ["message_id"],
    owner: ofSession,
    context: (row) => ledgerChat.context(text(row, "wa_id")),
  },
  {
    table: "conversation",
    column: "sealed",
    key: ["session_id", "id"],
    owner: ofSession,
    context: (row) => conversationPeople.context(text(row, "id")),
  },
  {
    table: "message",
    column: "sealed",
    key: ["session_id", "wa_id"],
    owner: ofSession,
    context: (row) => messageContent.context(text(row, "id")),
  },
  {
    table: "action",
    column: "sealed",
    key: ["session_id", "wa_id"],
    owner: ofSession,
    context: (row) => actionMessage.context(text(row, "wa_id")),
  },
  {
    table: "mark",
    column: "sealed",
    key: ["session_id", "wa_id", "kind", "person"],
    owner: ofSession,
    context: (row) => markContent.context(text(row, "event_id")),
  },
  {
    table: "numbered",
    column: "sealed",
    key: ["session_id", "wa_id"],
    owner: ofSession,
    context: (row) => numberedOptions.context(text(row, "wa_id")),
  },
  {
    table: "number",
    column: "sealed_jid",
    key: ["id"],
    owner: ofConnector,
    context: (row) => numberJid.context(text(row, "id")),
  },
  {
    table: "identity",
    column: "sealed_pn",
    key: ["lid"],
    owner: ofConnector,
    context: (row) => identityPn.context(text(row, "lid")),
  },
  {
    table: "outbox",
    column: "body",
    key: ["seq"],
    sealed: "body ->> 'sealed'",
    owner: ofSession,
    context: (row) => outboxBody.context(eventIdOf(row)),
    put: (body, sealed) => JSON.stringify({ ...(JSON.parse(body) as object), sealed }),
  },
  {
    table: "outbox",
    column: "sealed_content",
    key: ["seq"],
    owner: ofSession,
    context: (row) => outboxContent.context(eventIdOf(row)),
  },
  {
    table: "session",
    column: "phone",
    key: ["id"],
    owner: (row) => text(row, "id"),
    context: (row) => sessionPhone.context(text(row, "id")),
    mayBePlaintext: true,
  },
  {
    table: "session",
    column: "account",
    key: ["id"],
    owner: (row) => text(row, "id"),
    context: (row) => sessionPhone.context(text(row, "id")),
    mayBePlaintext: true,
  },
  {
    table: "session",
    column: "proxy",
    key: ["id"],
    owner: (row) => text(row, "id"),
    context: (row) => sessionProxy.context(text(row, "id")),
  },
  {
    table: "setting",
    column: "value",
    key: ["name"],
    // Not every setting is a secret.
    sealed: "CASE WHEN value LIKE 'v1.%' THEN value END",
    owner: ofConnector,
    context: (row) => settingValue.context(text(row, "name")),
  },
];
