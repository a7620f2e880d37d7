import type { Verification } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { type Edge, wrong } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
const to = "+6281234567890";

beforeEach(async () => {
  sessionId = await edge.addSession();
});

const create = (input: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  edge.api<Verification>("POST /v1/verifications", { to, ...input }, { headers });
const check = (id: string, code: string, key?: string) =>
  edge.api<Verification>(`POST /v1/verifications/${id}/check`, { code }, key === undefined ? {} : { key });
const get = (id: string) => edge.api<Verification>(`GET /v1/verifications/${id}`);

const failing = async (id: string, times: number) => {
  const code = await edge.codeOf(id);
  for (let i = 0; i < times; i++) await check(id, wrong(code));
};
/** So many verifications of the number, as if sends did not count. */
const createMany = async (count: number, input = {}) => {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    await edge.client.execute("DELETE FROM destination_send");
    ids.push((await create({ purpose: `p${i}`, expiresIn: 600, ...input })).body.id);
  }
  return ids;
};

describe("creating a verification", () => {
  it("answers 202 with the number masked, stores one message and publishes its job without secrets", async () => {
    const { status, body } = await create({ metadata: { userId: "42" } });
    expect(status).toBe(202);
    expect(body).toMatchObject({
      status: "pending",
      created: true,
      mode: "push",
      to: "+62812•••7890",
      purpose: "login",
      expiresAt: "2026-11-21T08:05:00.000Z",
      attemptsLeft: 5,
      sendsLeft: 4,
      resendAfter: "2026-11-21T08:00:30.000Z",
      delivery: { status: "queued", sessionId, sentAt: null, deliveredAt: null, readAt: null, failure: null },
      metadata: { userId: "42" },
      test: false,
    });
    await edge.settled();
    const { messageId } = body.delivery!;
    expect(edge.jobs).toEqual([
      {
        kind: "send",
        body: { messageId, sessionId, expiresAt: body.expiresAt, lane: "otp" },
        deduplicationId: `${messageId}.1`,
        traceparent: expect.stringMatching(/^00-[0-9a-f-]{52}$/) as string,
      },
    ]);
  });

  it("seals number and code together and keeps neither anywhere else", async () => {
    const { body } = await create();
    const code = await edge.codeOf(body.id);
    expect(code).toMatch(/^[0-9]{6}$/);
    const tables = ["verification", "message", "idempotency", "destination_budget"];
    const dump = JSON.stringify(await Promise.all(tables.map((table) => edge.rows(`SELECT * FROM ${table}`))));
    expect(dump).not.toContain(to.slice(1));
    expect(dump).not.toMatch(new RegExp(`(?<![0-9])${code}(?![0-9])`));
    expect(JSON.stringify(body)).not.toContain(code);
  });

  it("writes a text with the company, the code alone on its line and the remaining minutes", async () => {
    await create({ companyName: "Kopi *Kita*", expiresIn: 60, locale: "en" });
    const [row] = await edge.rows("SELECT template FROM message");
    expect(row?.["template"]).toBe(
      "*Kopi Kita* verification code\n\n*{{code}}*\n\nIt expires in 1 min.\nDo not share this code with anyone, not even with us.",
    );
  });

  it("sends the same code again after the cooldown, at growing distances, five times at most", async () => {
    const first = await create({ expiresIn: 600 });
    const code = await edge.codeOf(first.body.id);
    const early = await create();
    expect([early.status, early.body.code, early.body.retryAfter]).toEqual([429, "resend-cooldown", 30]);
    expect(early.headers.get("retry-after")).toBe("30");
    const seen: unknown[] = [];
    for (const seconds of [30, 60, 120, 300]) {
      edge.advance(seconds * 1000 - 1);
      expect((await create()).status).toBe(429);
      edge.advance(1);
      const { status, body } = await create();
      seen.push([status, body.id === first.body.id, body.created, body.sendsLeft]);
    }
    expect(seen).toEqual([
      [202, true, false, 3],
      [202, true, false, 2],
      [202, true, false, 1],
      [202, true, false, 0],
    ]);
    expect(await edge.codeOf(first.body.id)).toBe(code);
    const exhausted = await create();
    expect([exhausted.status, exhausted.body.code, exhausted.body.retryAfter]).toEqual([429, "sends-exhausted", 90]);
    const messages = await edge.rows("SELECT status, template FROM message ORDER BY id");
    expect(messages.map(({ status }) => status)).toEqual(["canceled", "canceled", "canceled", "canceled", "queued"]);
    expect(messages.at(-1)?.["template"]).toContain("1 menit");
  });

  it("starts again when the pending one has expired, been approved or canceled, and for another purpose", async () => {
    const first = await create();
    edge.advance(300_000);
    const second = await create();
    expect([second.status, second.body.created]).toEqual([202, true]);
    expect((await get(first.body.id)).body.status).toBe("expired");
    expect((await create({ purpose: "payment" })).body.created).toBe(true);
    await check(second.body.id, await edge.codeOf(second.body.id));
    expect((await create()).body.created).toBe(true);
  });

  it("makes one row of 20 creates at once", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => create()));
    expect(answers.filter(({ status }) => status === 202).length).toBe(1);
    expect(answers.filter(({ status }) => status === 429).length).toBe(19);
    expect([await edge.count("verification"), await edge.count("message")]).toEqual([1, 1]);
  });

  it("picks an online session first, takes the one asked for, and refuses what cannot send", async () => {
    const waiting = await edge.addSession("waiting");
    const ended = await edge.addSession("ended");
    expect((await create()).body.delivery!.sessionId).toBe(sessionId);
    const asked = await create({ purpose: "b", route: { sessionId: waiting } });
    expect(asked.body.delivery!.sessionId).toBe(waiting);
    const gone = await create({ purpose: "c", route: { sessionId: ended } });
    expect([gone.status, gone.body.code]).toEqual([409, "session-ended"]);
    const stranger = await edge.addWorkspace();
    const foreign = await edge.addSession("online", stranger.id);
    const refused = await create({ purpose: "d", route: { sessionId: foreign } });
    expect([refused.status, refused.body.code]).toEqual([404, "session-not-found"]);
    const none = await edge.api("POST /v1/verifications", { to }, { key: stranger.key });
    expect(none.status).toBe(202);
    const empty = await edge.addWorkspace();
    const nothing = await edge.api("POST /v1/verifications", { to }, { key: empty.key });
    expect([nothing.status, nothing.body.code]).toEqual([409, "no-eligible-session"]);
  });

  it.each(["stopped", "pairing", "connecting"])(
    "gives nothing to a session that is %s and was never linked",
    async (state) => {
      const { id: workspaceId, key } = await edge.addWorkspace();
      const unlinked = await edge.addSession(state, workspaceId);
      await edge.client.execute({ sql: "UPDATE session SET phone = NULL WHERE id = ?", args: [unlinked] });
      const requests: [string, Record<string, unknown>][] = [
        ["POST /v1/verifications", { to }],
        ["POST /v1/verifications", { to, route: { sessionId: unlinked } }],
        ["POST /v1/messages", { sessionId: unlinked, to, type: "text", text: "hi" }],
      ];
      for (const [request, body] of requests) {
        const refused = await edge.api(request, body, { key });
        expect([refused.status, refused.body.code]).toEqual([409, "no-eligible-session"]);
        expect(refused.body.detail).toContain("scan its QR code");
      }
      expect([await edge.count("verification"), await edge.count("message")]).toEqual([0, 0]);
      const linked = await edge.addSession("waiting", workspaceId);
      const { body } = await edge.api<Verification>("POST /v1/verifications", { to }, { key });
      expect(body.delivery!.sessionId).toBe(linked);
    },
  );

  it("accepts while QStash is down and leaves the job to cron", async () => {
    edge.queueIsDown = true;
    const { status } = await create();
    await edge.settled();
    expect(status).toBe(202);
    const [row] = await edge.rows("SELECT publish_after, status FROM job JOIN message ON message.id = subject_id");
    expect(row).toEqual({ publish_after: edge.services.now().getTime(), status: "queued" });
  });

  it("needs two calls to the database with a new key and one with a known one, also with an Idempotency-Key", async () => {
    edge.calls.database = 0;
    await create({}, { "idempotency-key": "a" });
    const first = edge.calls.database;
    await edge.settled();
    edge.calls.database = 0;
    const { body } = await create({ purpose: "b" });
    const second = edge.calls.database;
    await edge.settled();
    edge.calls.database = 0;
    await check(body.id, "000000");
    expect([second, edge.calls.database]).toEqual([1, 1]);
    // The key's look-up, the templates, the batch, and the two notes that are written beside the answer.
    expect(first).toBeLessThanOrEqual(5);
  });
});

describe("Idempotency-Key", () => {
  const key = { "idempotency-key": "order-42" };

  it("answers the first answer again, whatever has happened since", async () => {
    const first = await create({}, key);
    await edge.settled();
    await check(first.body.id, await edge.codeOf(first.body.id));
    const again = await create({}, key);
    expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([202, "true"]);
    expect(again.body).toEqual(first.body);
    expect(first.headers.get("idempotent-replayed")).toBeNull();
    expect([await edge.count("message"), edge.jobs.length]).toEqual([1, 1]);
  });

  it("renders the resource when the answer was not kept", async () => {
    const first = await create({}, key);
    await edge.settled();
    await edge.client.execute("UPDATE idempotency SET response = NULL");
    expect((await create({}, key)).body).toEqual(first.body);
  });

  it("does not mind the order of the fields, and refuses another request", async () => {
    await edge.api("POST /v1/verifications", { to, purpose: "a" }, { headers: key });
    const reordered = await edge.api("POST /v1/verifications", { purpose: "a", to }, { headers: key });
    expect(reordered.status).toBe(202);
    const other = await create({ purpose: "b" }, key);
    expect([other.status, other.body.code]).toEqual([422, "idempotency-key-reused"]);
    const elsewhere = await edge.api("POST /v1/sessions", { name: "x" }, { headers: key });
    expect([elsewhere.status, await edge.count("session")]).toEqual([422, 1]);
  });

  it("makes one of ten creates at once, and all answer the same id", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => create({}, key)));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.every(({ status }) => status === 202)).toBe(true);
    expect([await edge.count("verification"), await edge.count("message")]).toEqual([1, 1]);
  });

  it("stores nothing of a refused request, ends after 24 hours, and is separate in each workspace", async () => {
    await create();
    expect((await create({}, key)).status).toBe(429);
    expect(await edge.count("idempotency")).toBe(0);
    edge.advance(30_000);
    const sent = await create({}, key);
    expect(sent.status).toBe(202);
    const stranger = await edge.addWorkspace();
    await edge.addSession("online", stranger.id);
    const theirs = await edge.api("POST /v1/verifications", { to }, { key: stranger.key, headers: key });
    expect([theirs.status, theirs.headers.get("idempotent-replayed")]).toEqual([202, null]);
    edge.advance(24 * 3600_000);
    const later = await create({}, key);
    expect([later.status, later.body.id === sent.body.id]).toEqual([202, false]);
  });

  it.each(["", "é", "x".repeat(256)])("refuses %j", async (bad) => {
    const { status, body } = await create({}, { "idempotency-key": encodeURIComponent(bad) === bad ? bad : "\u00e9" });
    expect(status).toBe(400);
    expect(body.errors?.[0]?.pointer).toBe("header/Idempotency-Key");
    expect(await edge.count("verification")).toBe(0);
  });
});

describe("checking a code", () => {
  it("answers 200 for the right code once, and 410 after that", async () => {
    const { body } = await create();
    const code = await edge.codeOf(body.id);
    const right = await check(body.id, code);
    expect([right.status, right.body.status]).toEqual([200, "approved"]);
    const again = await check(body.id, code);
    expect([again.status, again.body.code]).toEqual([410, "verification-approved"]);
    const [row] = await edge.rows("SELECT code_mac, sealed_code, status FROM verification");
    expect(row).toEqual({ code_mac: null, sealed_code: null, status: "approved" });
  });

  it("counts wrong codes down to 410, after which the right one does not help", async () => {
    const { body } = await create();
    const code = await edge.codeOf(body.id);
    for (const attemptsLeft of [4, 3, 2, 1]) {
      const answer = await check(body.id, wrong(code));
      expect([answer.status, answer.body.code, answer.body.attemptsLeft]).toEqual([
        422,
        "code-incorrect",
        attemptsLeft,
      ]);
    }
    for (const guess of [wrong(code), code]) {
      const answer = await check(body.id, guess);
      expect([answer.status, answer.body.code]).toEqual([410, "max-attempts-reached"]);
    }
    const [row] = await edge.rows("SELECT code_mac, sealed_code FROM verification");
    expect(row).toEqual({ code_mac: null, sealed_code: null });
  });

  it("accepts one of two right checks at the same time", async () => {
    const { body } = await create();
    const code = await edge.codeOf(body.id);
    const answers = await Promise.all([check(body.id, code), check(body.id, code)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 410]);
  });

  it("refuses the right code after expiry, before any sweep has seen it", async () => {
    const { body } = await create();
    const code = await edge.codeOf(body.id);
    edge.advance(300_000);
    const answer = await check(body.id, code);
    expect([answer.status, answer.body.code]).toEqual([410, "verification-expired"]);
    const found = await get(body.id);
    expect([found.body.status, found.body.delivery!.status, found.body.delivery!.failure?.reason]).toEqual([
      "expired",
      "failed",
      "expired",
    ]);
  });

  it("answers 404 for unknown ids and another workspace's, and counts nothing", async () => {
    const { body } = await create();
    const stranger = await edge.addWorkspace();
    const code = await edge.codeOf(body.id);
    for (const answer of [
      await check(body.id, code, stranger.key),
      await check("ver_01jd3k9v7hq2w8x5n4b6m0c1ta", code),
      await check("ver_nonsense", code),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([404, "verification-not-found"]);
    }
    expect((await get(body.id)).body.attemptsLeft).toBe(5);
  });

  it("still takes a code of the previous pepper, and none of one that is gone", async () => {
    const { body } = await create();
    const code = await edge.codeOf(body.id);
    const { peppers } = edge.services;
    const fresh = new Map([["p2", crypto.getRandomValues(new Uint8Array(32))]]);
    edge.services.peppers = { current: { kid: "p2", bytes: fresh.get("p2") as Uint8Array<ArrayBuffer> }, all: fresh };
    expect((await check(body.id, code)).status).toBe(422);
    const rotated = new Map([...fresh, ...peppers.all]);
    edge.services.peppers = {
      current: { kid: "p2", bytes: rotated.get("p2") as Uint8Array<ArrayBuffer> },
      all: rotated,
    };
    expect((await check(body.id, code)).status).toBe(200);
  });

  it("locks a destination after 20 wrong codes in an hour until that is over, and for twice as long each time", async () => {
    const [first = "", ...others] = await createMany(10);
    await failing(first, 4);
    await check(first, await edge.codeOf(first));
    edge.advance(60_000);
    for (const id of others.slice(0, 3)) await failing(id, 5);
    await failing(others[3] ?? "", 1);
    const last = others[8] ?? "";
    const locked = await check(last, await edge.codeOf(last));
    expect([locked.status, locked.body.code, locked.body.retryAfter]).toEqual([429, "destination-locked", 3540]);
    expect((await get(last)).body.attemptsLeft).toBe(5);
    const create429 = await create({ purpose: "another" });
    expect([create429.status, create429.body.code]).toEqual([429, "destination-locked"]);

    edge.advance(3_540_000);
    const again = await createMany(5);
    for (const id of again.slice(0, 4)) await failing(id, 5);
    const relocked = await check(again[4] ?? "", "000000");
    expect([relocked.body.code, relocked.body.retryAfter]).toEqual(["destination-locked", 7200]);
  });

  it("locks for a day what fails so often in a row as the policy says, over many hours; a short code sooner", async () => {
    for (const [input, limit] of [
      [{}, 12],
      [{ codeLength: 4, expiresIn: 300 }, 10],
    ] as const) {
      const policy = { countries: ["*"], lockAfterFailures: 12, failedChecksPerHour: 100 };
      await edge.client.execute({ sql: "UPDATE workspace SET policy = ?", args: [JSON.stringify(policy)] });
      await edge.client.batch(["DELETE FROM verification", "DELETE FROM destination_budget"]);
      edge.services.keyCache.clear();
      const ids = await createMany(5, input);
      const checks = "codeLength" in input ? 3 : 5;
      for (let left: number = limit, i = 0; left > 0; left -= checks, i++)
        await failing(ids[i] ?? "", Math.min(left, checks));
      const locked = await check(ids[4] ?? "", await edge.codeOf(ids[4] ?? ""));
      expect([locked.body.code, locked.body.retryAfter]).toEqual(["destination-locked", 86_400]);
    }
  });
});

describe("many wrong checks at once", () => {
  it("are evaluated up to the destination's limit exactly, over all its verifications", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 9; i++) {
      await edge.client.execute("DELETE FROM destination_send");
      ids.push((await create({ purpose: `p${i}` })).body.id);
    }
    const codes = new Map(await Promise.all(ids.map(async (id) => [id, await edge.codeOf(id)] as const)));
    const outcomes = await Promise.all(
      Array.from({ length: 45 }, (_, i) => {
        const id = ids[i % 9] ?? "";
        return check(id, wrong(codes.get(id) ?? ""));
      }),
    );
    const [row] = await edge.rows("SELECT sum(5 - attempts_left) AS evaluated FROM verification");
    expect(row?.["evaluated"]).toBe(20);
    expect(outcomes.filter(({ body }) => body.code === "destination-locked").length).toBe(25);
  });
});

describe("canceling a verification", () => {
  it("ends it, takes the queued message back, and may be repeated", async () => {
    const { body } = await create();
    const code = await edge.codeOf(body.id);
    for (let i = 0; i < 2; i++) {
      const answer = await edge.api<Verification>(`POST /v1/verifications/${body.id}/cancel`);
      expect([answer.status, answer.body.status, answer.body.delivery!.status]).toEqual([200, "canceled", "canceled"]);
    }
    const checked = await check(body.id, code);
    expect([checked.status, checked.body.code]).toEqual([410, "verification-canceled"]);
  });

  it("answers 410 for one that has another end, and 404 for another workspace", async () => {
    const { body } = await create();
    const stranger = await edge.addWorkspace();
    const theirs = await edge.api(`POST /v1/verifications/${body.id}/cancel`, undefined, { key: stranger.key });
    expect(theirs.status).toBe(404);
    await check(body.id, await edge.codeOf(body.id));
    const answer = await edge.api(`POST /v1/verifications/${body.id}/cancel`);
    expect([answer.status, answer.body.code]).toEqual([410, "verification-approved"]);
  });
});
