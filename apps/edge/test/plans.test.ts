import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { type Batch, type Message, tokenIn, type Verification } from "@sandi/contracts";
import { compiledQueries, type Queries } from "@sandi/libsql";
import { beforeEach, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { connectorOf } from "./senders.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const to = "+6281234567890";
/** What every statement so far was run with, by its text. */
const run = new Map<string, readonly unknown[]>();

const note = (queries: Queries): void => {
  for (const { sql, parameters } of compiledQueries(edge.services.db, queries)) run.set(sql, parameters);
};

beforeEach(async () => {
  run.clear();
  await edge.addSession();
  const { db } = edge.services;
  edge.services.db = {
    ...db,
    write: (queries) => {
      note(queries);
      return db.write(queries);
    },
    read: (queries) => {
      note(queries);
      return db.read(queries);
    },
  };
});

/** What the plans of all statements so far say. */
async function plans(): Promise<Set<string>> {
  const details = new Set<string>();
  for (const [sql, parameters] of run) {
    const { rows } = await edge.client.execute({ sql: `EXPLAIN QUERY PLAN ${sql}`, args: parameters as string[] });
    for (const { detail } of rows as unknown as { detail: string }[]) details.add(detail);
  }
  return details;
}

it("no statement of a verification's life, or of cron, reads a table of tenants' rows from end to end", async () => {
  for (const input of [{}, {}, { mode: "inbound", purpose: "b" }, { mode: "auto", purpose: "c", endUserIp: "::1" }]) {
    await edge.api("POST /v1/verifications", { to, ...input });
  }
  const { body } = await edge.api<Verification>("POST /v1/verifications", { to: "+6281234567891" });
  for (const verb of ["resend", "cancel"]) await edge.api(`POST /v1/verifications/${body.id}/${verb}`);
  await edge.api("POST /v1/verifications/check", { to, code: "000000" });
  await edge.api("POST /v1/messages", { to, type: "text", text: "Selamat pagi" });
  const { messageId = "", sessionId = "" } =
    (await edge.api<Verification>("POST /v1/verifications", { to, purpose: "d" })).body.delivery ?? {};
  const connector = connectorOf(edge);
  await connector.failed(messageId, sessionId ?? "");
  await connector.state(sessionId ?? "", "waiting");
  await runCron(edge.services);
  expect(run.size).toBeGreaterThan(30);

  const scans = [...(await plans())].filter((detail) =>
    /^SCAN (?!CONSTANT ROW|json_each|n VIRTUAL|value)/.test(detail),
  );
  const tables =
    "verification|message|job|event|conversion|destination_send|destination_budget|idempotency|audit|session|v|m|t";
  const whole = scans.filter((detail) => new RegExp(`^SCAN (${tables})\\b`).test(detail));
  expect(whole).toEqual([]);
});

it("no statement of a message's life reads a table of tenants' rows from end to end, or all texts of a workspace", async () => {
  const connector = connectorOf(edge);
  const sendAt = new Date(edge.services.now().getTime() + 3_600_000).toISOString();
  const send = async (more: object) =>
    (await edge.api<Message>("POST /v1/messages", { to, type: "text", text: "hi", ...more })).body;
  const [queued, later, moved] = [await send({}), await send({ sendAt }), await send({ sendAt })];
  await send({ dryRun: true });
  await edge.api(`PATCH /v1/messages/${moved.id}`, { sendAt: sendAt.replace(".000", ".001"), metadata: { a: 1 } });
  await edge.api(`POST /v1/messages/${moved.id}/cancel`);
  await connector.failed(queued.id, queued.sessionId ?? "");
  await edge.api(`POST /v1/messages/${queued.id}/retry`);
  for (const path of ["", `/${later.id}`, `/${later.id}/events`]) await edge.api(`GET /v1/messages${path}`);
  await edge.api("POST /v1/messages/search", { to, status: "queued" });
  const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
  await edge.api("POST /v1/messages", { to: "+99900000000", type: "text", text: "hi", sendAt }, { key });
  edge.advance(3_600_000);
  await edge.api("GET /v1/messages", undefined, { key });
  await runCron(edge.services);
  const rows = await edge.rows("SELECT status, count(*) AS n FROM message GROUP BY status ORDER BY status");
  expect(rows).toEqual([
    { status: "canceled", n: 1 },
    { status: "queued", n: 2 },
    { status: "read", n: 1 },
  ]);
  const found = [...(await plans())];
  const tables = "verification|message|job|event|recipient_send|warm_contact|idempotency|session|pool|r|m|t";
  expect(found.filter((detail) => new RegExp(`^SCAN (${tables})\\b(?! VIRTUAL)`).test(detail))).toEqual([]);
  // The lists have a window, and the scheduled messages of a workspace are few.
  const wide = found.filter((detail) =>
    /^SEARCH message .*INDEX message_(text|code)\w* \(workspace_id=\?\)/.test(detail),
  );
  expect(wide).toEqual([]);
});

it("no statement of a batch's life, or of cron about batches, reads a table of tenants' rows from end to end", async () => {
  const message = { type: "text", text: "Hi {{name}}" };
  const recipients = [1, 2, 3].map((i) => ({ to: `+628123456789${i}`, variables: { name: "Budi" } }));
  const create = async () => (await edge.api<Batch>("POST /v1/batches", { message, recipients })).body.id;
  await edge.api("POST /v1/batches", { message, recipients, dryRun: true });
  const [first, second] = [await create(), await create()];
  await edge.settled();
  await runCron(edge.services);
  for (const id of [first, second]) await edge.api(`POST /v1/batches/${id}/pause`);
  for (const verb of ["resume", "cancel"]) await edge.api(`POST /v1/batches/${first}/${verb}`);
  for (const path of ["", `/${first}`, `/${first}/messages`, `/${first}/report`])
    await edge.api(`GET /v1/batches${path}`);
  const { messages } = (await edge.api<{ messages: Message[] }>(`GET /v1/batches/${second}/messages`)).body;
  expect(messages).toHaveLength(3);
  for (const { id } of messages) await edge.api(`POST /v1/messages/${id}/cancel`);
  await edge.api(`POST /v1/batches/${second}/resume`);
  await edge.settled();
  edge.advance(60_000);
  await runCron(edge.services);
  expect((await edge.api<Batch>(`GET /v1/batches/${second}`)).body.status).toBe("finished");
  const tables = "verification|message|job|event|recipient_send|idempotency|session|batch|batch_item|b|i|r|m|t";
  const found = [...(await plans())];
  expect(found.some((detail) => detail.includes("batch_item_waiting"))).toBe(true);
  expect(found.filter((detail) => new RegExp(`^SCAN (${tables})\\b(?! VIRTUAL)`).test(detail))).toEqual([]);
});

it("no statement that cancels, blocks or answers reads all codes, texts or verifications of a workspace", async () => {
  const { report } = connectorOf(edge);
  const session = (await edge.rows("SELECT id FROM session"))[0]?.["id"] as string;
  const input = { to, mode: "inbound", inboundVariant: "reply" };
  const { body } = await edge.api<Verification>("POST /v1/verifications", input);
  const token = tokenIn(body.inbound?.text ?? "");
  await report(session, "message.received", { from: to, token, isForwarded: false });
  expect(await edge.count("message")).toBe(1);
  const hidden = (await edge.api<Verification>("POST /v1/verifications", { ...input, to: "+6281234567891" })).body;
  await report(session, "message.received", {
    from: null,
    token: tokenIn(hidden.inbound?.text ?? ""),
    isForwarded: false,
  });
  expect(await edge.count("message")).toBe(2);
  await edge.api(`POST /v1/verifications/${body.id}/cancel`);
  for (const [kind, value] of [
    ["number", to],
    ["prefix", "62812"],
    ["country", "ID"],
  ]) {
    expect((await edge.api("POST /v1/access-rules", { effect: "block", kind, value })).status).toBe(201);
  }
  const ofWorkspace = [...(await plans())].filter((detail) => /^SEARCH .* \(workspace_id=\?\)/.test(detail));
  const tables = ofWorkspace.filter((detail) =>
    / INDEX (message(?!_scheduled)|verification(?!_one_pending))/.test(detail),
  );
  expect(tables).toEqual([]);
});

it("SQLite plans no statement of a code again when only its values change", async () => {
  const created = await edge.api<Verification>("POST /v1/verifications", { to });
  const { id, delivery } = created.body;
  const [messageId, sessionId] = [delivery?.messageId ?? "", delivery?.sessionId ?? ""];
  const { claim, sent } = connectorOf(edge);
  await claim(messageId, sessionId);
  await sent(messageId, sessionId);
  await edge.api(`POST /v1/verifications/${id}/check`, { code: await edge.codeOf(id) });
  expect(run.size).toBeGreaterThan(20);

  const [file] = await edge.rows("PRAGMA database_list");
  const database = new DatabaseSync(file?.["file"] as string);
  database.exec("BEGIN");
  const planned = [...run].filter(([sql, parameters]) => isPlannedAgain(database.prepare(sql), parameters));
  database.close();
  expect(planned.map(([sql]) => sql)).toEqual([]);
});

/** SQLite plans a statement again if a partial index depends on a new value. */
function isPlannedAgain(statement: StatementSync, parameters: readonly unknown[]): boolean {
  try {
    statement.all(...(parameters as SQLInputValue[]));
  } catch {
    // The rows that it writes exist.
  }
  return (statement as StatementSync & { stat(counter: "reprepare"): number }).stat("reprepare") > 0;
}

it("no statement that changes or revokes a key reads the endpoints of other workspaces", async () => {
  await edge.addKey(edge.workspace.id);
  const { body } = await edge.api<{ keys: { id: string }[] }>("GET /v1/keys");
  const id = body.keys[0]?.id ?? "";
  expect((await edge.api(`PATCH /v1/keys/${id}`, { name: "other" })).status).toBe(200);
  expect((await edge.api(`DELETE /v1/keys/${id}`)).status).toBe(204);
  const details = [...(await plans())];
  expect(details.filter((detail) => /^SEARCH endpoint\b/.test(detail)).length).toBeGreaterThan(0);
  expect(details.filter((detail) => /^SCAN endpoint\b/.test(detail))).toEqual([]);
});
