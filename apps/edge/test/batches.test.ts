import { type Batch, type BatchDryRun, expandPath, type Message } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import { queueSignature } from "./alerts-world.ts";
import type { Edge } from "./harness.ts";
import type { connectorOf } from "./senders.ts";
import { useSender } from "./use-edge.ts";

let edge: Edge;
let connector: ReturnType<typeof connectorOf>;
let sessionId: string;
useSender((started) => ({ edge, connector, sessionId } = started));

const hourMs = 3_600_000;
const numberOf = (i: number) => `+62812345${String(60_000 + i)}`;
const recipients = (n: number, more: (i: number) => object = () => ({})) =>
  Array.from({ length: n }, (_, i) => ({ to: numberOf(i), ...more(i) }));
const message = { type: "text", text: "Hi {{name}}" };
const named = (n: number) => recipients(n, (i) => ({ variables: { name: `Budi ${i}` }, metadata: { i } }));
const create = (body: object, headers: Record<string, string> = {}) =>
  edge.api<Batch>("POST /v1/batches", body, { headers });
const made = async (n: number, more: object = {}) => {
  const { status, body } = await create({ message, recipients: named(n), ...more });
  expect(status).toBe(202);
  await edge.settled();
  return body;
};
const see = async (id: string) => (await edge.api<Batch>(`GET /v1/batches/${id}`)).body;
const call = (id: string, verb: string) => edge.api<Batch>(`POST /v1/batches/${id}/${verb}`);
const cron = async (ms = 0) => {
  edge.advance(ms);
  await runCron(edge.services);
  await edge.settled();
};
/** QStash's call. */
async function expand(batchId: string) {
  const body = JSON.stringify({ batchId });
  const sub = `https://api.test${expandPath}`;
  const headers = { "upstash-signature": queueSignature(body, edge.services.now(), { sub }) };
  const answer = await edge.api(`POST ${expandPath}`, body, { key: null, headers });
  await edge.settled();
  return answer;
}
const textsOf = async () => {
  const rows = await edge.rows("SELECT sealed FROM message ORDER BY id");
  const opened = await Promise.all(rows.map(({ sealed }) => edge.unseal(sealed as string)));
  return opened as { to: string; text: string }[];
};

describe("a new batch", () => {
  it("is stored sealed, and QStash is asked to expand it", async () => {
    const batch = await made(3, { name: "Spring" });
    expect(batch).toMatchObject({
      status: "running",
      name: "Spring",
      recipients: 3,
      counts: { waiting: 3, queued: 0 },
    });
    expect(edge.jobs).toMatchObject([{ kind: "batch", body: { batchId: batch.id } }]);
    const rows = JSON.stringify([await edge.rows("SELECT * FROM batch"), await edge.rows("SELECT * FROM batch_item")]);
    for (const secret of ["Hi {", "Budi", numberOf(1), numberOf(1).slice(1)]) expect(rows).not.toContain(secret);
  });

  it.each([
    [{ message, recipients: [{ to: numberOf(0), variables: {} }] }, "/recipients/0/variables/name"],
    [{ message, recipients: [...named(1), { to: "12", variables: { name: "x" } }] }, "/recipients/1/to"],
    [{ message, recipients: [...named(2), ...named(1)] }, "/recipients/2/to"],
    [{ message, recipients: recipients(1, () => ({ variables: { "a-b": "x" } })) }, "/recipients/0/variables/a-b"],
    [
      {
        message: { type: "poll", question: "{{q}}", options: ["a", "b"] },
        recipients: recipients(1, () => ({ variables: { q: "x".repeat(256) } })),
      },
      "/recipients/0",
    ],
    [
      { message: { ...message, quotedMessageId: `msg_${"0".repeat(26)}` }, recipients: named(1) },
      "/message/quotedMessageId",
    ],
    [
      { messages: [{ to: "+6281234567890", type: "text", text: "https://acme.example", linkPreview: true }] },
      "/messages/0/linkPreview",
    ],
    [{ message }, "/recipients", "/messages"],
    [{}, "/messages"],
    [{ message, recipients: recipients(1001) }, "/recipients"],
  ])("is refused with the field that is wrong: %#", async (body, ...pointers) => {
    const { status, body: problem } = await create(body);
    expect([status, problem.errors?.map((error) => error.pointer)]).toEqual([400, pointers]);
    expect(await edge.count("batch")).toBe(0);
    expect(await edge.count("batch_item")).toBe(0);
  });

  it("leaves out numbers that occur again, in any spelling, if it is asked to", async () => {
    const twice = [...named(2), { to: "+62 812-345-60000", variables: { name: "again" } }];
    const { body } = await create({ message, recipients: twice, dedupe: true });
    expect(body).toMatchObject({ recipients: 2, duplicates: 1 });
  });

  it("is one batch for requests with the same Idempotency-Key", async () => {
    const input = { message, recipients: named(2) };
    const first = await create(input, { "idempotency-key": "k" });
    const second = await create(input, { "idempotency-key": "k" });
    expect(second.body.id).toBe(first.body.id);
    expect(second.headers.get("idempotent-replayed")).toBe("true");
    expect(await edge.count("batch_item")).toBe(2);
  });

  it("is refused without a session, for an unknown pool, and beyond the limit of open batches", async () => {
    const unknown = await create({ message, recipients: named(1), poolId: `pool_${"0".repeat(26)}` });
    expect([unknown.status, unknown.body.code]).toEqual([404, "pool-not-found"]);
    await edge.client.execute("UPDATE session SET desired = 'stopped'");
    expect((await create({ message, recipients: named(1) })).body.code).toBe("no-eligible-session");
    await edge.client.execute("UPDATE session SET desired = 'running'");
    await made(1);
    await edge.client
      .execute(`INSERT INTO batch SELECT id || value, workspace_id, test, name, status, session_id, pool_id,
      sealed_message, lifetime_ms, recipients, duplicates, send_at, due_at, created_by, created_at, updated_at, ended_at
      FROM batch, (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 99) SELECT value FROM n)`);
    expect((await create({ message, recipients: named(1) })).body.code).toBe("batch-limit-reached");
  });
});

describe("the messages of a batch", () => {
  it("are made a few at a time in the lane bulk, each with its own variables, until it is finished", async () => {
    const { id } = await made(60);
    expect((await expand(id)).status).toBe(200);
    await edge.settled();
    expect(await see(id)).toMatchObject({ status: "running", counts: { waiting: 0, queued: 60 } });
    const texts = await textsOf();
    expect(new Set(texts.map(({ to }) => to)).size).toBe(60);
    expect(texts.find(({ to }) => to === numberOf(7))?.text).toBe("Hi Budi 7");
    const sends = edge.jobs.filter(({ kind }) => kind === "send");
    expect(sends).toHaveLength(60);
    expect(new Set(sends.map((job) => "lane" in job.body && job.body.lane))).toEqual(new Set(["bulk"]));
    expect(await edge.rows("SELECT count(*) AS n FROM batch_item WHERE sealed IS NOT NULL")).toEqual([{ n: 0 }]);
    const list = await edge.api<{ messages: Message[]; nextCursor: string }>(`GET /v1/batches/${id}/messages?limit=50`);
    expect(list.body.messages[0]).toMatchObject({
      batchId: id,
      lane: "bulk",
      metadata: { i: expect.any(Number) as number },
    });
    const rest = await edge.api<{ messages: Message[] }>(
      `GET /v1/batches/${id}/messages?limit=50&cursor=${list.body.nextCursor}`,
    );
    expect(rest.body.messages).toHaveLength(10);
    for (const each of [...list.body.messages, ...rest.body.messages]) await connector.sent(each.id, sessionId);
    await cron(60_000);
    expect(await see(id)).toMatchObject({ status: "finished", counts: { sent: 60 } });
    const events = await edge.rows("SELECT type, data FROM event WHERE type = 'batch.finished'");
    expect(events).toEqual([{ type: "batch.finished", data: JSON.stringify({ batchId: id, recipients: 60 }) }]);
  }, 30_000);

  it("are made by cron alone while QStash is down, and nobody makes one twice", async () => {
    edge.queueIsDown = true;
    const { id } = await made(130);
    edge.queueIsDown = false;
    await Promise.all([cron(), expand(id), expand(id)]);
    await cron();
    await edge.settled();
    expect((await see(id)).counts).toMatchObject({ waiting: 0, queued: 130 });
    expect(await edge.rows("SELECT count(*) AS n, count(DISTINCT to_hash) AS people FROM message")).toEqual([
      { n: 130, people: 130 },
    ]);
  });

  it("go on where a worker that died has stopped, when its lease is over", async () => {
    const { id } = await made(10);
    await edge.client.execute(`UPDATE batch SET due_at = due_at + 60000`);
    await cron();
    expect((await see(id)).counts.waiting).toBe(10);
    await cron(60_000);
    expect((await see(id)).counts).toMatchObject({ waiting: 0, queued: 10 });
  });

  it("begin at sendAt", async () => {
    const sendAt = new Date(edge.services.now().getTime() + hourMs).toISOString();
    const { id, status } = await made(2, { sendAt });
    expect([status, edge.jobs]).toEqual(["scheduled", []]);
    await cron(hourMs - 1);
    expect((await see(id)).counts.waiting).toBe(2);
    await cron(1);
    expect(await see(id)).toMatchObject({ status: "running", counts: { queued: 2 } });
  });

  it("are refused by a block rule with its code", async () => {
    await edge.api("POST /v1/access-rules", { effect: "block", kind: "number", value: numberOf(1) });
    const { id } = await made(3);
    await expand(id);
    expect(await see(id)).toMatchObject({
      counts: { queued: 2, failed: 1 },
      refusals: [{ code: "destination-blocked", count: 1, isFinal: true }],
    });
  });

  it("wait for the recipient's limit and for the pool's new chats, and are not lost", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { messagesPerRecipientPerHour: 1 } });
    await edge.api("POST /v1/messages", { to: numberOf(0), type: "text", text: "first" });
    await edge.client.execute("UPDATE pool SET new_chats_per_day = 2");
    const { id } = await made(2);
    await expand(id);
    // One recipient has had a message in this hour; the other is the second stranger of the day.
    expect(await see(id)).toMatchObject({
      counts: { waiting: 1, queued: 1 },
      refusals: [{ code: "rate-limited", count: 1, isFinal: false }],
    });
    await edge.client.execute("UPDATE pool SET new_chats_per_day = 20");
    await cron(hourMs);
    expect((await see(id)).counts).toMatchObject({ waiting: 0, queued: 2 });
  });

  it("wait for a session, and fail when their lifetime is over", async () => {
    const { id } = await made(30, { expiresIn: 600 });
    await edge.client.execute("UPDATE session SET desired = 'stopped'");
    await cron();
    expect((await see(id)).counts).toMatchObject({ waiting: 30, failed: 0 });
    for (let minute = 0; minute < 3; minute++) await cron(minute === 0 ? 600_000 : 60_000);
    expect(await see(id)).toMatchObject({
      counts: { waiting: 0, failed: 30 },
      refusals: [{ code: "no-eligible-session", count: 30, isFinal: true }],
    });
  });
});

describe("pause, resume and cancel", () => {
  it("hold what no connector has claimed, go on with all of it, and send each once", async () => {
    const { id } = await made(40);
    await edge.api("POST /v1/verifications", { to: numberOf(900) });
    await expand(id);
    const [first] = (await edge.api<{ messages: Message[] }>(`GET /v1/batches/${id}/messages`)).body.messages;
    expect(await connector.claim(first!.id, sessionId)).toBe("claimed");
    const paused = await call(id, "pause");
    expect(paused.body).toMatchObject({ status: "paused", counts: { scheduled: 39, sending: 1 } });
    expect((await call(id, "pause")).body.status).toBe("paused");
    const [held] = await edge.rows("SELECT id FROM message WHERE status = 'scheduled'");
    expect(await connector.claim(held!["id"] as string, sessionId)).toBe("done");
    await cron(60_000);
    expect((await see(id)).counts.scheduled).toBe(39);
    expect((await call(id, "resume")).body.status).toBe("running");
    await cron();
    expect((await see(id)).counts).toMatchObject({ scheduled: 0, queued: 39, sending: 1 });
    expect(await edge.rows("SELECT count(*) AS n FROM message WHERE batch_id IS NOT NULL")).toEqual([{ n: 40 }]);
  });

  it("stops the expansion", async () => {
    const { id } = await made(10);
    await call(id, "pause");
    await expand(id);
    await cron(60_000);
    expect(await see(id)).toMatchObject({ status: "paused", counts: { waiting: 10, queued: 0 } });
    await call(id, "resume");
    await cron();
    expect((await see(id)).counts.queued).toBe(10);
  });

  it("lets held messages expire", async () => {
    const { id } = await made(2, { expiresIn: 600 });
    await expand(id);
    await call(id, "pause");
    await cron(600_000);
    expect((await see(id)).counts).toMatchObject({ failed: 2 });
    expect(await edge.rows("SELECT status, failure FROM message")).toEqual([
      { status: "failed", failure: "expired" },
      { status: "failed", failure: "expired" },
    ]);
  });

  it("cancels what is not sent, and deletes its content", async () => {
    const { id } = await made(250);
    await expand(id);
    const [first] = (await edge.api<{ messages: Message[] }>(`GET /v1/batches/${id}/messages`)).body.messages;
    await connector.claim(first!.id, sessionId);
    await connector.sent(first!.id, sessionId);
    const { body } = await call(id, "cancel");
    expect(body).toMatchObject({ status: "canceled", counts: { sent: 1, canceled: 249, waiting: 0, queued: 0 } });
    expect(await edge.rows("SELECT position FROM batch_item WHERE sealed IS NOT NULL")).toEqual([]);
    expect(await edge.rows("SELECT kind FROM job WHERE kind = 'text'")).toHaveLength(0);
    expect((await call(id, "cancel")).status).toBe(200);
    expect((await call(id, "resume")).body.code).toBe("batch-ended");
  });

  it("cancels a batch that is paused for 30 days", async () => {
    const { id } = await made(2);
    await call(id, "pause");
    await cron(30 * 24 * hourMs);
    await cron();
    expect(await see(id)).toMatchObject({ status: "canceled", counts: { canceled: 2 } });
  });
});

describe("the report", () => {
  it("is CSV with a byte order mark, a line for each recipient, and no formulas", async () => {
    await edge.api("POST /v1/access-rules", { effect: "block", kind: "number", value: numberOf(1) });
    const { id } = await made(450);
    for (let run = 0; run < 5; run++) await cron();
    const answer = await edge.api(`GET /v1/batches/${id}/report`);
    expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    const lines = answer.text.replace(/^\uFEFF/, "").split("\r\n");
    expect(lines).toHaveLength(452);
    expect(lines[0]).toBe("position,to,status,reason,messageId,sentAt,deliveredAt,readAt,metadata");
    expect(lines[1]).toMatch(/^0,'\+62812•••0000,queued,,msg_\w+,,,,"\{""i"":0\}"$/);
    expect(lines[2]).toBe("1,'+62812•••0001,failed,destination-blocked,,,,,");
    expect(lines.slice(1).some((line) => /,[=+\-@]/.test(line))).toBe(false);
  }, 30_000);
});

describe("a dry run", () => {
  it("names who would be refused and why, which sessions would send, and how long it takes; it stores nothing", async () => {
    await edge.api("POST /v1/access-rules", { effect: "block", kind: "number", value: numberOf(1) });
    await edge.client.execute("UPDATE pool SET new_chats_per_day = 5");
    const body = { message, recipients: [...named(3), { to: "12", variables: { name: "x" } }], dryRun: true };
    const answer = await edge.api<BatchDryRun>("POST /v1/batches", body);
    expect([answer.status, answer.body]).toMatchObject([
      200,
      {
        recipients: 4,
        wouldSend: 2,
        refused: [
          { pointer: "/recipients/3/to", code: "invalid-request" },
          { pointer: "/recipients/1", code: "destination-blocked" },
        ],
        sessions: [{ id: sessionId, isOnline: true, messagesPerDay: 1500, newChatsLeft: 5 }],
        estimatedSeconds: 9,
      },
    ]);
    expect([await edge.count("batch"), await edge.count("message")]).toEqual([0, 0]);
  });
});

it("a batch of a test key is the sandbox's", async () => {
  const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
  const to = ["00", "01", "06"].map((magic) => ({ to: `+999000000${magic}` }));
  const { body } = await edge.api<Batch>(
    "POST /v1/batches",
    { message: { type: "text", text: "hi" }, recipients: to },
    { key },
  );
  await cron();
  const seen = (await edge.api<Batch>(`GET /v1/batches/${body.id}`, undefined, { key })).body;
  expect(seen.counts).toMatchObject({ read: 1, failed: 2 });
  expect(seen.refusals).toEqual([{ code: "destination-blocked", count: 1, isFinal: true }]);
  expect((await edge.api(`GET /v1/batches/${body.id}`)).status).toBe(404);
  await cron(60_000);
  expect((await edge.api<Batch>(`GET /v1/batches/${body.id}`, undefined, { key })).body.status).toBe("finished");
});

it("another workspace sees, changes and reads nothing of a batch", async () => {
  const { id } = await made(1);
  const { key } = await edge.addWorkspace();
  for (const path of ["", "/messages", "/report"]) {
    expect((await edge.api(`GET /v1/batches/${id}${path}`, undefined, { key })).status).toBe(404);
  }
  for (const verb of ["pause", "resume", "cancel"]) {
    expect((await edge.api(`POST /v1/batches/${id}/${verb}`, undefined, { key })).status).toBe(404);
  }
  expect((await edge.api<{ batches: object[] }>("GET /v1/batches", undefined, { key })).body.batches).toEqual([]);
  expect(await see(id)).toMatchObject({ status: "running" });
});

it("the workspace's limit of sends delays a batch", async () => {
  let taken = 0;
  edge.redis = (command) => {
    const counters = Number(command[2]);
    const isSends = command.slice(3, 3 + counters).some((name) => String(name).includes("workspace-sends"));
    if (!isSends || counters > 1) return Promise.resolve([1, ...Array.from({ length: 2 * counters }, () => 0)]);
    taken += Number(command[3 + counters + 3]);
    return Promise.resolve([1, taken, 120_000]);
  };
  await edge.client.execute(`UPDATE workspace SET quota = '{"sendsPerDay":30,"firstWeekSendsPerDay":30}'`);
  const { id } = await made(40);
  await cron();
  expect((await see(id)).counts).toMatchObject({ waiting: 10, queued: 30 });
  taken = 0;
  await cron(120_000);
  expect((await see(id)).counts).toMatchObject({ waiting: 0, queued: 40 });
});

it("old batches are deleted with the time for messages, after their messages", async () => {
  const { id } = await made(3);
  await expand(id);
  await call(id, "cancel");
  await cron(29 * 24 * hourMs);
  expect(await edge.count("batch")).toBe(1);
  await cron(2 * 24 * hourMs);
  await cron();
  expect([await edge.count("batch"), await edge.count("batch_item"), await edge.count("message")]).toEqual([0, 0, 0]);
});
