import type { Verification } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { migrations } from "../src/db/migrations.ts";
import { type Edge, wrong } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const to = "+6281234567890";

/** Stores every write and loses its answer, until the returned function is called. */
function loseAnswers() {
  const { db } = edge.services;
  edge.services.db = {
    ...db,
    write: async (queries) => {
      await db.write(queries);
      throw new DatabaseFetchError("lost");
    },
  };
  return () => {
    edge.services.db = db;
  };
}

/** Delays the undo of a write, so that a test can act before it. */
function holdWithdrawals() {
  const { promise, resolve } = Promise.withResolvers<void>();
  edge.services.sleep = () => promise;
  return resolve;
}

describe("the database", () => {
  type Fault = "before" | "after";
  /** The next write fails: before it was stored, or after it, with the answer lost. */
  function loseNextWrite(fault: Fault) {
    const { db } = edge.services;
    let lost = false;
    edge.services.db = {
      ...db,
      write: async (queries) => {
        if (lost) return db.write(queries);
        lost = true;
        if (fault === "after") await db.write(queries);
        throw new DatabaseFetchError("lost");
      },
    };
  }

  const creates: [string, () => Promise<unknown>, string][] = [
    ["POST /v1/verifications", async () => ({ to }), "verification"],
    [
      "POST /v1/messages",
      async () => ({ sessionId: await edge.addSession(), to, type: "text", text: "hi" }),
      "message",
    ],
    ["POST /v1/sessions", async () => ({ name: "a" }), "session"],
  ];

  it.each(creates)("answers %s as stored when only the answer was lost", async (request, body, table) => {
    await edge.addSession();
    const input = await body();
    const before = await edge.count(table);
    loseNextWrite("after");
    const { status } = await edge.api(request, input);
    expect(status).toBeLessThan(300);
    expect(await edge.count(table)).toBe(before + 1);
    await edge.settled();
    expect(edge.jobs.length).toBe(1);
  });

  it.each(creates)("answers %s with 503 when nothing was stored, and a repetition works", async (request, body) => {
    await edge.addSession();
    const input = await body();
    const headers = { "idempotency-key": "again" };
    loseNextWrite("before");
    const lost = await edge.api(request, input, { headers });
    expect([lost.status, lost.body.code, lost.headers.get("retry-after")]).toEqual([503, "database-unavailable", "1"]);
    const again = await edge.api(request, input, { headers });
    expect([again.status < 300, again.headers.get("idempotent-replayed")]).toEqual([true, null]);
  });

  it("stores no late write once 503 was answered", async () => {
    await edge.addSession();
    const { db } = edge.services;
    let late: (() => Promise<unknown>) | undefined;
    edge.services.db = {
      ...db,
      write: async (queries) => {
        if (late) return db.write(queries);
        late = () => db.write(queries);
        throw new DatabaseFetchError("slow");
      },
    };
    expect((await edge.api("POST /v1/verifications", { to })).status).toBe(503);
    await expect(late?.()).rejects.toThrow("write_receipt");
    expect([await edge.count("verification"), await edge.count("message"), await edge.count("job")]).toEqual([0, 0, 0]);
  });

  it.each(creates)("withdraws %s that was stored when the answer to settle it was lost, too", async (request, body) => {
    const sessionId = await edge.addSession();
    const input = await body();
    const headers = { "idempotency-key": "again" };
    const release = holdWithdrawals();
    const answered = loseAnswers();
    expect((await edge.api(request, input, { headers })).status).toBe(503);
    answered();
    release();
    await edge.settled();
    edge.advance(60_000);
    await runCron(edge.services);
    expect(edge.jobs.filter(({ body: job }) => !("desired" in job) || job.desired !== "deleted")).toEqual([]);
    expect(await edge.rows("SELECT id FROM message WHERE status <> 'canceled'")).toEqual([]);
    expect(await edge.rows("SELECT id FROM verification WHERE status <> 'canceled'")).toEqual([]);
    expect(await edge.rows("SELECT id FROM session WHERE desired <> 'deleted' AND name = 'a'")).toEqual([]);
    expect(await edge.count("idempotency")).toBe(0);
    const again = await edge.api(request, input, { headers });
    expect([again.status < 300, again.headers.get("idempotent-replayed"), sessionId]).toEqual([true, null, sessionId]);
  });

  it("does not withdraw what a repetition was answered with meanwhile", async () => {
    await edge.addSession();
    const headers = { "idempotency-key": "again" };
    const release = holdWithdrawals();
    const answered = loseAnswers();
    expect((await edge.api("POST /v1/verifications", { to }, { headers })).status).toBe(503);
    answered();
    const again = await edge.api<Verification>("POST /v1/verifications", { to }, { headers });
    expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([202, "true"]);
    release();
    await edge.settled();
    const found = await edge.api<Verification>(`GET /v1/verifications/${again.body.id}`);
    expect([found.body.status, found.body.delivery!.status]).toEqual(["pending", "queued"]);
  });

  it.each(creates)("%s: a repetition is not answered with what is withdrawn before it is", async (request, body) => {
    await edge.addSession();
    const input = await body();
    const headers = { "idempotency-key": "again" };
    const release = holdWithdrawals();
    const answered = loseAnswers();
    expect((await edge.api(request, input, { headers })).status).toBe(503);
    answered();
    const { db } = edge.services;
    edge.services.db = {
      ...db,
      write: async (queries) => {
        const results = await db.write(queries);
        edge.services.db = db;
        release();
        await edge.settled();
        return results;
      },
    };
    const second = await edge.api(request, input, { headers });
    expect([second.status, second.body.code]).toEqual([503, "database-unavailable"]);
    const third = await edge.api(request, input, { headers });
    expect([third.status < 300, third.headers.get("idempotent-replayed")]).toEqual([true, null]);
  });

  it("gives the send of a withdrawn resend back", async () => {
    await edge.addSession();
    const { body: first } = await edge.api<Verification>("POST /v1/verifications", { to });
    await edge.settled();
    edge.advance(30_000);
    const answered = loseAnswers();
    const release = holdWithdrawals();
    expect((await edge.api("POST /v1/verifications", { to })).status).toBe(503);
    answered();
    release();
    await edge.settled();
    const again = await edge.api<Verification>("POST /v1/verifications", { to });
    expect([again.status, again.body.id, again.body.sendsLeft]).toEqual([202, first.id, 3]);
  });

  it("counts no late check once 503 was answered, and accepts its repetition", async () => {
    await edge.addSession();
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to });
    const code = await edge.codeOf(body.id);
    const path = `POST /v1/verifications/${body.id}/check`;
    const { db } = edge.services;
    const late: (() => Promise<unknown>)[] = [];
    edge.services.db = {
      ...db,
      write: async (queries) => {
        // Both checks hang before either is known to be lost.
        if (late.length === 2 || !("writes" in queries)) return db.write(queries);
        late.push(() => db.write(queries));
        throw new DatabaseFetchError("slow");
      },
    };
    const lost = await Promise.all([edge.api(path, { code }), edge.api(path, { code: wrong(code) })]);
    expect(lost.map(({ status }) => status)).toEqual([503, 503]);
    for (const landing of late) await expect(landing()).rejects.toThrow("write_receipt");
    const found = await edge.api<Verification>(`GET /v1/verifications/${body.id}`);
    expect([found.body.status, found.body.attemptsLeft]).toEqual(["pending", 5]);
    expect((await edge.api(path, { code })).status).toBe(200);
  });

  it("counts no late check when the database did not answer twice", async () => {
    await edge.addSession();
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to });
    const code = await edge.codeOf(body.id);
    const path = `POST /v1/verifications/${body.id}/check`;
    const { db } = edge.services;
    const late: (() => Promise<unknown>)[] = [];
    edge.services.db = {
      ...db,
      write: async (queries) => {
        if (late.length === 2) return db.write(queries);
        late.push(() => db.write(queries));
        throw new DatabaseFetchError("slow");
      },
    };
    expect((await edge.api(path, { code })).status).toBe(503);
    await edge.settled();
    const [decision, settlement] = late;
    await expect(decision?.()).rejects.toThrow("write_receipt");
    await settlement?.();
    const found = await edge.api<Verification>(`GET /v1/verifications/${body.id}`);
    expect([found.body.status, found.body.attemptsLeft]).toEqual(["pending", 5]);
    expect((await edge.api(path, { code })).status).toBe(200);
  });

  it.each([
    ["fails behind the key", async (stored: () => Promise<unknown>, nth: number) => nth === 1 && stored()],
    ["loses the answer that the key is stored", async (stored: () => Promise<unknown>) => (await stored()) && false],
  ])("that %s leaves no Idempotency-Key in progress, also when it fails once more", async (_, answer) => {
    await edge.addSession();
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to });
    const code = await edge.codeOf(body.id);
    const path = `POST /v1/verifications/${body.id}/check`;
    const headers = { "idempotency-key": "check" };
    const { db } = edge.services;
    let [writes, releases] = [0, 0];
    edge.services.db = {
      ...db,
      write: async (queries) => {
        const results = await answer(() => db.write(queries), ++writes);
        if (!results) throw new DatabaseFetchError("away");
        return results as never;
      },
      kysely: new Proxy(db.kysely, {
        get(target, name) {
          if (name === "executeQuery" && ++releases === 1) return () => Promise.reject(new DatabaseFetchError("away"));
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      }),
    };
    expect((await edge.api(path, { code }, { headers })).status).toBe(503);
    await edge.settled();
    edge.services.db = db;
    expect([(await edge.api(path, { code }, { headers })).status, releases]).toEqual([200, 2]);
  });

  it("decides a check whose answer was lost by what was stored", async () => {
    await edge.addSession();
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to });
    const code = await edge.codeOf(body.id);
    const path = `POST /v1/verifications/${body.id}/check`;
    loseNextWrite("before");
    expect((await edge.api(path, { code })).status).toBe(503);
    loseNextWrite("after");
    expect((await edge.api(path, { code })).status).toBe(200);
  });

  it("counts a wrong code whose answer was lost, also when another check was counted before that was known", async () => {
    await edge.addSession();
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to });
    const code = wrong(await edge.codeOf(body.id));
    const path = `POST /v1/verifications/${body.id}/check`;
    const { db } = edge.services;
    edge.services.db = {
      ...db,
      write: async (queries) => {
        await db.write(queries);
        edge.services.db = db;
        expect((await edge.api(path, { code })).body.code).toBe("code-incorrect");
        throw new DatabaseFetchError("lost");
      },
    };
    const lost = await edge.api(path, { code });
    expect([lost.status, lost.body.code, lost.body.attemptsLeft]).toEqual([422, "code-incorrect", 3]);
  });

  it.each([
    ["DELETE /v1/sessions/:id", 204],
    ["POST /v1/sessions/:id/restart", 202],
    ["POST /v1/sessions/:id/stop", 202],
    ["PUT /v1/sessions/:id/proxy", 200],
    ["POST /v1/sessions/:id/logout", 202],
    ["POST /v1/verifications/:id/cancel", 200],
  ])("answers %s as stored when only the answer was lost, and 503 when nothing was stored", async (route, good) => {
    const sessionId = await edge.addSession();
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to });
    await edge.settled();
    const request = route.replace(":id", route.includes("sessions") ? sessionId : body.id);
    const sent = route.startsWith("PUT") ? { url: "http://proxy.example.com" } : undefined;
    loseNextWrite("before");
    expect((await edge.api(request, sent)).status).toBe(503);
    loseNextWrite("after");
    expect((await edge.api(request, sent)).status).toBe(good);
    await edge.settled();
    expect(edge.jobs.length).toBe(route.includes("sessions") ? 2 : 1);
  });

  it("is not mentioned in an answer when it fails in another way", async () => {
    edge.services.db = { ...edge.services.db, write: () => Promise.reject(new Error("SQLITE: SELECT secret FROM x")) };
    const { status, text } = await edge.api("POST /v1/sessions", { name: "a" });
    expect([status, /sqlite|secret|select/i.test(text)]).toEqual([500, false]);
  });

  it("is what readiness is about", async () => {
    const ready = () => edge.api<{ checks: { database: string } }>("GET /health/ready", undefined, { key: null });
    expect((await ready()).status).toBe(200);
    await edge.client.execute("DELETE FROM migration");
    const behind = await ready();
    expect([behind.status, behind.body.checks.database]).toEqual([
      503,
      `migrations are missing: ${migrations.map(({ name }) => name).join(", ")}; run npx pnpm@10.34.9 migrate`,
    ]);
  });
});
