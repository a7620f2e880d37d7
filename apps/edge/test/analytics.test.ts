import type { AnalyticsSummary, AnalyticsTimeseries } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { latencyFloors, percentilesOf } from "../src/analytics/figures.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

const hour = 3600_000;
const now = Date.parse("2026-11-21T08:00:00.000Z");
const session = "ses_01jd3k9v7hq2w8x5n4b6m0c1ta";
const template = "tpl_01jd3k9v7hq2w8x5n4b6m0c1ta";
const zero = {
  created: 0,
  resent: 0,
  received: 0,
  sent: 0,
  delivered: 0,
  read: 0,
  approved: 0,
  expired: 0,
  canceled: 0,
  max_attempts_reached: 0,
  undeliverable: 0,
  blocked: 0,
  checkedElsewhere: 0,
};

interface Row {
  workspace?: string;
  at?: number;
  prefix?: string;
  country?: string;
  sessionId?: string;
  templateId?: string;
  purpose?: string;
  mode?: string;
  bucket?: number;
}

/** So many more for each of these stages. */
async function count(tallies: Record<string, number>, more: Row = {}) {
  for (const [stage, n] of Object.entries(tallies)) {
    const { workspace = edge.workspace.id, at = now, prefix = "6281234", country = "ID" } = more;
    const { sessionId = session, templateId = "", purpose = "login", mode = "push", bucket = 1024 } = more;
    await edge.client.execute({
      sql: `INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count`,
      args: [
        workspace,
        prefix,
        Math.floor(at / hour) * hour,
        country,
        sessionId,
        templateId,
        purpose,
        mode,
        stage,
        bucket,
        n,
      ],
    });
  }
}

const summary = (query = "") => edge.api<AnalyticsSummary>(`GET /v1/analytics/summary${query}`);
const series = (query = "") => edge.api<AnalyticsTimeseries>(`GET /v1/analytics/timeseries${query}`);
const created = async (query: string) => (await summary(query)).body.total.counts.created;
const judged = async () => {
  const { counts, rates } = (await summary()).body.total;
  return [counts.created, counts.approved, counts.checkedElsewhere, rates.conversion];
};
const groups = async (query: string) =>
  (await summary(query)).body.groups.map(({ key, counts }) => [key, counts.created]);

describe("a summary", () => {
  it("has zeros, and null where there is nothing to divide by, when nothing was sent", async () => {
    const { status, body } = await summary();
    const nothing = { sent: null, delivered: null, read: null, approved: null };
    expect([status, body]).toEqual([
      200,
      {
        from: "2026-11-20T08:00:00.000Z",
        to: "2026-11-21T09:00:00.000Z",
        total: {
          counts: zero,
          rates: { delivered: null, read: null, conversion: null },
          latencies: nothing,
        },
        groups: [],
      },
    ]);
  });

  it("counts every stage, and answers rates and latencies of them", async () => {
    const tallies = { ...zero, created: 10, resent: 3, received: 1, sent: 8, delivered: 6, read: 3, approved: 5 };
    const ends = { expired: 1, canceled: 1, max_attempts_reached: 1, undeliverable: 1, blocked: 1 };
    await count({ ...tallies, ...ends });
    const { total } = (await summary()).body;
    expect(total.counts).toEqual({ ...tallies, ...ends });
    expect(total.rates).toEqual({ delivered: 0.75, read: 0.5, conversion: 0.5 });
    for (const latency of Object.values(total.latencies)) {
      for (const value of Object.values(latency ?? {})) {
        expect(value).toBeGreaterThanOrEqual(1024);
        expect(value).toBeLessThan(1448);
      }
    }
  });

  it("leaves codes that the caller knew out of the conversion, approved here or not, and counts them as checked elsewhere", async () => {
    await edge.addSession();
    await edge.client.execute(`UPDATE workspace SET policy = '{"countries":["*"],"allowReveal":true}'`);
    edge.services.keyCache.clear();
    const create = async (last: number, input = {}) => {
      const to = `+628123456780${last}`;
      const { status, body } = await edge.api<{ id: string }>("POST /v1/verifications", { to, ...input });
      expect(status).toBe(202);
      return body.id;
    };
    const approve = async (id: string, code: string) =>
      expect((await edge.api(`POST /v1/verifications/${id}/check`, { code })).status).toBe(200);
    await approve(await create(1, { code: "480213" }), "480213");
    await create(2, { code: "480213" });
    await create(3, { revealCode: true });
    expect(await judged()).toEqual([3, 1, 3, null]);
    const drawn = await create(4);
    await create(5);
    expect(await judged()).toEqual([5, 1, 3, 0]);
    await approve(drawn, await edge.codeOf(drawn));
    expect(await judged()).toEqual([5, 2, 3, 0.5]);
    const points = (await series("?interval=day")).body.points.map(({ counts }) => counts.checkedElsewhere);
    expect(points.reduce((sum, each) => sum + each, 0)).toBe(3);
  });

  it("counts what the database has noted of real transitions, in the hour of the creation", async () => {
    const row = {
      workspace_id: edge.workspace.id,
      to_hash: "h",
      global_hash: "g",
      to_masked: "+62",
      country: "ID",
      prefix: "6281234",
      purpose: "login",
      status: "pending",
      mode: "push",
      session_id: session,
      template_id: template,
      locale: "en",
      text: "",
      code_length: 6,
      attempts_left: 5,
      sends_left: 4,
      next_send_at: now,
      expires_at: now + hour,
      message_id: null,
      metadata: "{}",
      renewed_by: "",
      test: 0,
      created_at: now,
      updated_at: now,
    };
    for (const [id, test] of [
      ["ver_a", 0],
      ["ver_b", 0],
      ["ver_c", 1],
    ] as const) {
      const all = { ...row, id, test, to_hash: id, message_id: `msg_${id}` };
      await edge.client.execute({
        sql: `INSERT INTO verification (${Object.keys(all).join()}) VALUES (${Object.keys(all)
          .map(() => "?")
          .join()})`,
        args: Object.values(all),
      });
      await edge.client.execute({
        sql: `INSERT INTO message (id, workspace_id, session_id, verification_id, to_masked, status, expires_at,
          created_at, updated_at) VALUES (?, ?, ?, ?, '', 'queued', ?, ?, ?)`,
        args: [`msg_${id}`, edge.workspace.id, session, id, now + hour, now, now],
      });
      await edge.client.execute({
        sql: "UPDATE message SET status = 'sent', sent_at = ? WHERE verification_id = ?",
        args: [now + 900, id],
      });
    }
    await edge.client.execute({
      sql: "UPDATE verification SET status = 'approved', updated_at = ? WHERE id = 'ver_a'",
      args: [now + 2 * hour],
    });
    edge.advance(3 * hour);
    const { total } = (await summary()).body;
    expect(total.counts).toEqual({ ...zero, created: 2, sent: 2, approved: 1 });
    expect(total.rates).toEqual({ delivered: 0, read: null, conversion: 0.5 });
    expect(total.latencies.sent?.p50).toBeGreaterThanOrEqual(724);
    expect(total.latencies.sent?.p99).toBeLessThan(1024);
    expect((await series("?interval=hour")).body.points.filter(({ counts }) => counts.approved > 0)).toEqual([
      { at: "2026-11-21T08:00:00.000Z", counts: { ...zero, created: 2, sent: 2, approved: 1 } },
    ]);
  });

  it("counts only what matches every filter", async () => {
    await count({ created: 1 });
    await count({ created: 2 }, { country: "MY", prefix: "6012345" });
    await count({ created: 4 }, { sessionId: "ses_01jd3k9v7hq2w8x5n4b6m0c1tb" });
    await count({ created: 8 }, { templateId: template });
    await count({ created: 16 }, { purpose: "payment" });
    await count({ created: 32 }, { mode: "inbound" });
    await count({ created: 64 }, { prefix: "6281999" });
    expect(await created("")).toBe(127);
    expect(await created("?country=MY")).toBe(2);
    expect(await created("?prefix=6012345")).toBe(2);
    expect(await created("?prefix=6281999")).toBe(64);
    expect(await created("?prefix=62812")).toBe(61);
    expect(await created("?prefix=6")).toBe(127);
    expect(await created("?prefix=7")).toBe(0);
    expect(await created(`?sessionId=${session}`)).toBe(123);
    expect(await created(`?templateId=${template}`)).toBe(8);
    expect(await created("?templateId=built-in")).toBe(119);
    expect(await created("?purpose=payment")).toBe(16);
    expect(await created("?mode=inbound")).toBe(32);
    expect(await created("?mode=push&purpose=login&country=ID&prefix=6281999")).toBe(64);
    expect(await created("?mode=inbound&purpose=payment")).toBe(0);
  });

  it("has the same figures by group, the largest first, a hundred at most", async () => {
    await count({ created: 4, approved: 1, delivered: 2, sent: 2 });
    await count({ created: 10, approved: 5 }, { country: "MY", prefix: "6012345", templateId: template });
    await count({ sent: 1 }, { country: "SG", prefix: "6591234", sessionId: "" });
    expect(await groups("?groupBy=country")).toEqual([
      ["MY", 10],
      ["ID", 4],
      ["SG", 0],
    ]);
    expect(await groups("?groupBy=prefix")).toEqual([
      ["6012345", 10],
      ["6281234", 4],
      ["6591234", 0],
    ]);
    expect(await groups("?groupBy=template")).toEqual([
      [template, 10],
      [null, 4],
    ]);
    expect(await groups("?groupBy=session")).toEqual([
      [session, 14],
      [null, 0],
    ]);
    expect(await groups("?groupBy=purpose")).toEqual([["login", 14]]);
    expect(await groups("?groupBy=mode&country=MY")).toEqual([["push", 10]]);
    const { body } = await summary("?groupBy=country");
    expect(body.groups[1]).toMatchObject({
      key: "ID",
      counts: { ...zero, created: 4, approved: 1, delivered: 2, sent: 2 },
      rates: { delivered: 1, read: 0, conversion: 0.25 },
    });
    expect(body.groups[0]?.latencies.sent).toBeNull();

    for (let i = 0; i < 110; i++) await count({ created: 20 + i }, { prefix: String(1_000_000 + i) });
    const many = await groups("?groupBy=prefix");
    expect([many.length, many[0], many.at(-1)]).toEqual([100, ["1000109", 129], ["1000010", 30]]);
    expect(await created("?groupBy=prefix")).toBe(14 + 110 * 20 + (109 * 110) / 2);
  });

  it("covers whole hours: all those that the range touches, and not the ones beside", async () => {
    for (let i = -3; i <= 3; i++) await count({ created: 10 ** (i + 3) }, { at: now + i * hour });
    const of = (from: string, to: string) => created(`?from=2026-11-21T${from}:00.000Z&to=2026-11-21T${to}:00.000Z`);
    expect(await of("07:00", "08:00")).toBe(100);
    expect(await of("07:30", "08:30")).toBe(1100);
    expect(await of("05:00", "12:00")).toBe(1_111_111);
    expect(await created("")).toBe(1111);
    const { body } = await summary("?from=2026-11-21T07:30:00.000Z&to=2026-11-21T08:30:00.000Z");
    expect([body.from, body.to]).toEqual(["2026-11-21T07:00:00.000Z", "2026-11-21T09:00:00.000Z"]);
    await count({ created: 5 }, { at: now - 91 * 24 * hour });
    expect(await created("?from=2026-08-21T08:00:00.000Z")).toBe(1111 + 5);
  });

  it("never counts another workspace's", async () => {
    const other = await edge.addWorkspace();
    await count({ created: 7 }, { workspace: other.id });
    expect(await created("")).toBe(0);
    for (const path of ["summary?groupBy=prefix", "summary?prefix=6281234", "timeseries", "timeseries?interval=day"]) {
      const mine = await edge.api(`GET /v1/analytics/${path}`);
      const theirs = await edge.api(`GET /v1/analytics/${path}`, undefined, { key: other.key });
      expect([mine.text.includes('"created":7'), theirs.text.includes('"created":7')]).toEqual([false, true]);
    }
  });
});

describe("a time series", () => {
  it("has a point for every hour, with zeros where there was nothing", async () => {
    await count({ created: 2, approved: 1 }, { at: now - 2 * hour });
    await count({ created: 3 }, { at: now, mode: "inbound" });
    const { body } = await series("?from=2026-11-21T05:00:00.000Z&to=2026-11-21T08:10:00.000Z");
    expect(body).toEqual({
      from: "2026-11-21T05:00:00.000Z",
      to: "2026-11-21T09:00:00.000Z",
      interval: "hour",
      points: [
        { at: "2026-11-21T05:00:00.000Z", counts: zero },
        { at: "2026-11-21T06:00:00.000Z", counts: { ...zero, created: 2, approved: 1 } },
        { at: "2026-11-21T07:00:00.000Z", counts: zero },
        { at: "2026-11-21T08:00:00.000Z", counts: { ...zero, created: 3 } },
      ],
    });
    const { points } = (await series("?mode=push")).body;
    expect([points.length, points.map(({ counts }) => counts.created).reduce((a, b) => a + b)]).toEqual([25, 2]);
  });

  it("has a point for every day of UTC", async () => {
    await count({ created: 1 }, { at: now - 32 * hour - 1 });
    await count({ created: 2 }, { at: now - 8 * hour - 1 });
    await count({ created: 4 }, { at: now - 8 * hour });
    await count({ created: 8 });
    const { body } = await series("?interval=day&from=2026-11-19T23:00:00.000Z");
    expect([body.from, body.to]).toEqual(["2026-11-19T00:00:00.000Z", "2026-11-22T00:00:00.000Z"]);
    expect(body.points.map(({ at, counts }) => [at.slice(0, 10), counts.created])).toEqual([
      ["2026-11-19", 1],
      ["2026-11-20", 2],
      ["2026-11-21", 12],
    ]);
    const longest = "?from=2026-08-21T08:30:00.000Z&to=2026-11-21T08:30:00.000Z";
    expect((await series(`${longest}&interval=day`)).body.points.length).toBe(93);
    expect((await series(longest)).body.points.length).toBe(92 * 24 + 1);
  });
});

describe("a query", () => {
  const at = "2026-11-21T08:00:00.000Z";
  it.each([
    ["?from=yesterday", "query/from"],
    ["?to=1732176000000", "query/to"],
    [`?from=${at}`, "query/from"],
    [`?from=${at}&to=${at}`, "query/to"],
    [`?from=${at}&to=2026-11-20T08:00:00.000Z`, "query/to"],
    [`?from=2026-08-21T07:59:59.999Z&to=${at}`, "query/from"],
    ["?country=id", "query/country"],
    ["?prefix=%2B62", "query/prefix"],
    ["?prefix=62812345", "query/prefix"],
    ["?sessionId=1", "query/sessionId"],
    ["?templateId=1", "query/templateId"],
    ["?mode=auto", "query/mode"],
    ["?purpose=A", "query/purpose"],
    ["?contry=ID", "query/contry"],
  ])("%s is refused with the field", async (query, pointer) => {
    for (const { status, body } of [await summary(query), await series(query)]) {
      expect([status, body.code, body.errors?.map((each) => each.pointer)]).toEqual([
        400,
        "invalid-request",
        [pointer],
      ]);
    }
  });

  it("groups and steps by what there is", async () => {
    expect((await summary("?groupBy=color")).body.errors?.[0]?.pointer).toBe("query/groupBy");
    expect((await series("?interval=week")).body.errors?.[0]?.pointer).toBe("query/interval");
  });

  it("is answered to keys with analytics:read", async () => {
    const key = await edge.addKey(edge.workspace.id, ["otp:send"]);
    for (const name of ["summary", "timeseries"]) {
      const { status, body } = await edge.api(`GET /v1/analytics/${name}`, undefined, { key });
      expect([status, body.code]).toEqual([403, "insufficient-scope"]);
    }
  });
});

describe("percentiles", () => {
  it("are those of the bucket that holds the rank, and grow from one to the next", () => {
    const floors = [...new Set(latencyFloors)];
    for (const [i, floor] of floors.entries()) {
      const next = floors[i + 1] ?? floor * 2;
      const { p50, p95, p99 } = percentilesOf([{ bucket: floor, count: 100 }]) ?? { p50: 0, p95: 0, p99: 0 };
      expect([p50 >= floor, p50 <= p95, p95 <= p99, p99 < next]).toEqual([true, true, true, true]);
    }
  });

  it("find the rank, whatever the order of the rows", () => {
    const buckets = [
      { bucket: 32768, count: 1 },
      { bucket: 1024, count: 94 },
      { bucket: 4096, count: 5 },
    ];
    const found = percentilesOf(buckets);
    expect(found?.p50).toBeGreaterThanOrEqual(1024);
    expect(found?.p50).toBeLessThan(1448);
    for (const value of [found?.p95, found?.p99]) {
      expect(value).toBeGreaterThanOrEqual(4096);
      expect(value).toBeLessThan(5793);
    }
    expect(percentilesOf([{ bucket: 1024, count: 1 }])?.p99).toBe(1236);
    expect(percentilesOf([])).toBeNull();
  });
});
