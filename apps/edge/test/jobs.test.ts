import { sql } from "kysely";
import { beforeEach, expect, it } from "vitest";
import { jobKinds } from "../src/features.ts";
import { appendJob, deferJobs, idsOf } from "../src/jobs/append-job.ts";
import { deleteDoneJobs, sweepJobs } from "../src/jobs/delete-jobs.ts";
import type { JobKind } from "../src/jobs/kind.ts";
import { publishDue } from "../src/jobs/publish-due.ts";
import { publishSoon, publishStored } from "../src/jobs/publish-soon.ts";
import { codeJobs, revokeJobs, textJobs } from "../src/messages/jobs.ts";
import { sessionJobs } from "../src/sessions/jobs.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let id: string;
beforeEach(async () => {
  id = await edge.addSession();
});

/** A kind as a feature would add one: about sessions, as long as they have this name. */
const kind: JobKind<{ name: string }> = {
  name: "greet",
  priority: 1,
  subject: "session",
  columns: sql`session.name`,
  expiresAt: (at) => sql`${at + 3600_000}`,
  isWanted: () => sql`session.name = 'sender'`,
  backOff: { quickPublishes: 2, longestMs: 150_000 },
  toJob: ({ id: deliveryId, name, publishCount }) => ({
    kind: "delivery",
    body: { deliveryId },
    deduplicationId: `${deliveryId}.${publishCount}`,
    flowKey: name,
  }),
};
const at = () => edge.services.now().getTime();
const append = (more: object = {}) =>
  edge.services.db.write([appendJob(edge.services.db, kind, { which: sql`session.id = ${id}`, at: at(), ...more })]);
const published = () => edge.jobs.map(({ deduplicationId }) => deduplicationId.replace(id, "job"));
const stored = () => edge.rows("SELECT publish_after, publish_count, traceparent FROM job");

it("a job is published by the cron 15 s after its batch, then ever more seldom, until it ends", async () => {
  await append();
  expect(await publishDue(edge.services, [kind])).toBe(0);
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    edge.advance(i === 0 ? 15_000 : 150_000);
    expect(await publishDue(edge.services, [kind])).toBe(1);
    waits.push(Number((await stored())[0]?.["publish_after"]) - at());
  }
  expect(waits).toEqual([50_000, 50_000, 100_000, 150_000, 150_000, 150_000]);
  expect(published()).toEqual(["job.2", "job.3", "job.4", "job.5", "job.6", "job.7"]);
  edge.advance(3600_000);
  expect(await publishDue(edge.services, [kind])).toBe(0);
});

it("a subject has one job of a kind: the next one starts again", async () => {
  await append();
  edge.advance(60_000);
  await publishDue(edge.services, [kind]);
  await append();
  expect(await stored()).toEqual([{ publish_after: at() + 15_000, publish_count: 1, traceparent: null }]);
});

it("a job whose subject does not need it is not published, and is deleted when it is due", async () => {
  await append();
  await edge.client.execute("UPDATE session SET name = 'other'");
  const { db } = edge.services;
  await db.write(sweepJobs(db, [kind], { at: at(), limit: 10 }));
  expect(await edge.count("job")).toBe(1);
  edge.advance(15_000);
  expect(await publishDue(edge.services, [kind])).toBe(0);
  await db.write(sweepJobs(db, [kind], { at: at(), limit: 10 }));
  expect(await edge.count("job")).toBe(0);
});

it("jobs of named subjects are deleted at once, unless they are still needed", async () => {
  await append();
  const { db } = edge.services;
  const forget = () => db.write(deleteDoneJobs(db, [kind], { ids: [id], at: at() }));
  await forget();
  expect(await edge.count("job")).toBe(1);
  await edge.client.execute("UPDATE session SET name = 'other'");
  await forget();
  expect(await edge.count("job")).toBe(0);
});

it("beside the answer a job is published at once, and by the cron if QStash does not take it", async () => {
  await append({ traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" });
  edge.queueIsDown = true;
  publishSoon(edge.services, kind, [{ id, name: "sender", publishCount: 1 }]);
  await edge.settled();
  expect([published(), (await stored())[0]?.["publish_after"]]).toEqual([[], at()]);
  edge.queueIsDown = false;
  expect(await publishDue(edge.services, [kind])).toBe(1);
  expect(edge.jobs[0]).toMatchObject({ traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" });
  await publishStored(edge.services, kind, [id, "unknown"]);
  await edge.settled();
  expect(published()).toEqual(["job.2", "job.2"]);
});

it("a job that is deferred waits until then", async () => {
  await append();
  const { db } = edge.services;
  await db.write([deferJobs(db, [kind], { ids: idsOf([id]), until: at() + 60_000 })]);
  edge.advance(59_999);
  expect(await publishDue(edge.services, [kind])).toBe(0);
  edge.advance(1);
  expect(await publishDue(edge.services, [kind])).toBe(1);
});

it("kinds go by priority, and every kind of the edge is in the list", () => {
  expect(jobKinds.map(({ name }) => name)).toEqual([
    "session",
    "code",
    "revoke",
    "batch",
    "erasure",
    "replay",
    "delivery",
    "text",
  ]);
});

it("jobs of one kind leave room for the other kinds, except for texts, however many there are", async () => {
  const { db } = edge.services;
  edge.services.cronRounds = 1;
  await edge.rows(`INSERT INTO message (id, workspace_id, session_id, verification_id, to_masked, status, expires_at, test,
      created_at, updated_at)
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 700)
    SELECT 'msg_' || i, '${edge.workspace.id}', '${id}', iif(i = 700, NULL, 'ver_' || i), '', iif(i = 699, 'sent', 'queued'), ${at() + 600_000}, 0,
      ${at()}, ${at()} FROM n`);
  await db.write([
    appendJob(db, codeJobs, {
      which: sql`message.verification_id IS NOT NULL AND message.status = 'queued'`,
      at: at(),
    }),
    appendJob(db, revokeJobs, { which: sql`message.status = 'sent'`, at: at() }),
    appendJob(db, textJobs, { which: sql`message.verification_id IS NULL`, at: at() }),
    appendJob(db, sessionJobs, { which: sql`session.id = ${id}`, at: at() }),
  ]);
  await edge.rows("UPDATE session SET revision = acked_revision + 1");
  edge.advance(15_000);
  expect(await publishDue(edge.services, jobKinds)).toBe(500);
  const of = (kinds: string) => edge.rows(`SELECT kind FROM job WHERE kind IN (${kinds}) AND publish_count = 2`);
  expect([(await of("'code'")).length, await of("'session', 'revoke', 'text'")]).toEqual([
    498,
    [{ kind: "revoke" }, { kind: "session" }],
  ]);
});
