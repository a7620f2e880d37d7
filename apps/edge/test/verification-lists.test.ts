import type { VerificationList } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { other, to, verificationCalls } from "./verification-calls.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;

beforeEach(async () => {
  sessionId = await edge.addSession();
});

const { create, act } = verificationCalls(() => edge);
const search = (filters: Record<string, unknown>, key = edge.workspace.key) =>
  edge.api<VerificationList>("POST /v1/verifications/search", filters, { key });

describe("the list", () => {
  it("pages newest first, and filters by what it says", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      edge.advance(1000);
      ids.push((await create({ to: i < 3 ? to : other, purpose: `p${i}` })).body.id);
    }
    await act(ids[0] ?? "", "cancel");
    const list = async (query: string) => (await edge.api<VerificationList>(`GET /v1/verifications?${query}`)).body;
    const first = await list("limit=2");
    expect(first.verifications.map(({ id }) => id)).toEqual([ids[4], ids[3]]);
    const second = await list(`limit=2&cursor=${first.nextCursor}`);
    expect(second.verifications.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
    const third = await list(`limit=2&cursor=${second.nextCursor}`);
    expect([third.verifications.map(({ id }) => id), third.nextCursor]).toEqual([[ids[0]], null]);
    const found = async (query: string) => (await list(query)).verifications.map(({ id }) => ids.indexOf(id));
    expect(await found("status=canceled")).toEqual([0]);
    const refused = await edge.api(`GET /v1/verifications?to=${encodeURIComponent(other)}`);
    expect([refused.status, refused.body.errors]).toEqual([
      400,
      [{ pointer: "query/to", message: "must be in the body of `POST /v1/verifications/search`" }],
    ]);
    expect(await found("purpose=p2")).toEqual([2]);
    expect(await found("mode=inbound")).toEqual([]);
    expect(await found("country=ID&status=pending")).toEqual([4, 3, 2, 1]);
    expect(await found(`sessionId=${sessionId}&limit=1`)).toEqual([4]);
    expect(await found(`createdAfter=${first.verifications[1]?.createdAt}`)).toEqual([4]);
    expect(await found(`createdBefore=${first.verifications[1]?.createdAt}`)).toEqual([2, 1, 0]);
    edge.advance(301_000);
    expect(await found("status=expired")).toEqual([4, 3, 2, 1]);
    expect(await found("status=pending")).toEqual([]);
    const bad = await edge.api("GET /v1/verifications?limit=0");
    expect([bad.status, bad.body.errors]).toEqual([400, [{ pointer: "query/limit", message: "must be at least 1" }]]);
    const stranger = await edge.addWorkspace();
    expect((await edge.api("GET /v1/verifications", undefined, { key: stranger.key })).body).toEqual({
      verifications: [],
      nextCursor: null,
    });
  });
});

describe("a search", () => {
  it("answers as the list does, with a number in the body and in no address", async () => {
    const ids: string[] = [];
    for (const number of [to, other, to]) {
      edge.advance(1000);
      ids.push((await create({ to: number, purpose: `p${ids.length}` })).body.id);
    }
    await act(ids[0] ?? "", "cancel");
    const found = async (filters: Record<string, unknown>) =>
      (await search(filters)).body.verifications.map(({ id }) => ids.indexOf(id));
    expect((await search({})).body).toEqual((await edge.api("GET /v1/verifications")).body);
    expect(await found({ to })).toEqual([2, 0]);
    expect(await found({ to: other, status: "pending" })).toEqual([1]);
    expect(await found({ to, status: "canceled", test: false })).toEqual([0]);
    expect(await found({ to, test: true })).toEqual([]);
    const { nextCursor } = (await search({ to, limit: 1 })).body;
    expect(await found({ to, limit: 1, cursor: nextCursor })).toEqual([0]);
    const stranger = await edge.addWorkspace();
    expect((await search({ to }, stranger.key)).body.verifications).toEqual([]);
    expect(JSON.stringify(edge.requests)).not.toContain(to.slice(1));
  });

  it("refuses what is not a filter, and keys that see no verifications", async () => {
    const bad = await search({ to: "12", phone: to });
    expect([bad.status, bad.body.errors]).toEqual([400, [{ pointer: "/phone", message: "is not a known field" }]]);
    const lacking = await edge.addKey(edge.workspace.id, ["message:send"]);
    expect((await search({ to }, lacking)).status).toBe(403);
  });
});
