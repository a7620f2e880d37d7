import type { AuditList, VerificationList } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { mostLookedAt } from "../src/page-window.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

const numbered = (many: number) => `WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < ${many})`;

/** Verifications with the numbers 1 to `many`; the first ones are for payments. */
const addVerifications = (many: number, { payments = 0 } = {}) =>
  edge.client.execute({
    sql: `INSERT INTO verification (id, workspace_id, to_hash, global_hash, to_masked, country, prefix, purpose, status, mode,
        session_id, template_id, locale, text, renewed_by, code_length, attempts_left, sends_left, next_send_at, expires_at,
        metadata, test, created_at, updated_at)
      ${numbered(many)} SELECT printf('ver_0000000000%016d', i), ?, 'h' || i, '', '', 'ID', '6281234',
        iif(i <= ${payments}, 'payment', 'login'), 'approved', 'push', '', '', 'en', '', '', 6, 5, 3, i, i + 1, '{}', 0, i, i
      FROM i`,
    args: [edge.workspace.id],
  });

const list = async (query: string, key = edge.workspace.key) =>
  (await edge.api<VerificationList>(`GET /v1/verifications?${query}`, undefined, { key })).body;
const idOf = (i: number) => `ver_0000000000${String(i).padStart(16, "0")}`;

describe("a list with a filter that few rows match", () => {
  beforeEach(() => addVerifications(mostLookedAt + 10, { payments: 13 }));

  it("looks at a bounded number of rows, and its next page continues there", async () => {
    const first = await list("purpose=payment");
    expect(first.verifications.map(({ id }) => id)).toEqual([idOf(13), idOf(12), idOf(11)]);
    expect(first.nextCursor).toBe(idOf(11));
    const second = await list(`purpose=payment&cursor=${first.nextCursor}`);
    expect(second.verifications.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, i) => idOf(10 - i)));
    expect(second.nextCursor).toBeNull();
  });

  it("has a page without items and with a next page where none of them matches", async () => {
    const { verifications, nextCursor } = await list("status=blocked");
    expect([verifications, nextCursor]).toEqual([[], idOf(11)]);
    expect(await list(`status=blocked&cursor=${nextCursor}`)).toEqual({ verifications: [], nextCursor: null });
  });

  it("continues below the last item where a page is full", async () => {
    const { verifications, nextCursor } = await list("purpose=payment&limit=2");
    expect([verifications.length, nextCursor]).toEqual([2, idOf(12)]);
  });

  it("is at its end where the time leaves nothing", async () => {
    const after = edge.services.now().toISOString();
    expect(await list(`createdAfter=${after}`)).toEqual({ verifications: [], nextCursor: null });
    expect(await list("status=pending")).toEqual({ verifications: [], nextCursor: null });
  });

  it("finds the sandbox's rows at once, however many others are newer", async () => {
    await edge.client.execute("UPDATE verification SET test = 1 WHERE created_at <= 2");
    const key = await edge.addKey(edge.workspace.id, ["otp:send"], { environment: "test" });
    const { verifications, nextCursor } = await list("", key);
    expect([verifications.map(({ id }) => id), nextCursor]).toEqual([[idOf(2), idOf(1)], null]);
  });
});

it("the audit log continues in the same way", async () => {
  await edge.client.execute({
    sql: `INSERT INTO audit (id, workspace_id, actor, action, target, detail, created_at) ${numbered(mostLookedAt + 5)}
      SELECT printf('aud_0000000000%016d', i), ?, 'key_a', iif(i = 5 OR i = 6, 'key.created', 'key.updated'), 't', '{}', i FROM i`,
    args: [edge.workspace.id],
  });
  const entries = async (query: string) => (await edge.api<AuditList>(`GET /v1/audit?action=key.created${query}`)).body;
  const first = await entries("");
  expect(first.entries.map(({ id }) => Number(id.slice(4)))).toEqual([6]);
  const second = await entries(`&cursor=${first.nextCursor}`);
  expect([second.entries.map(({ id }) => Number(id.slice(4))), second.nextCursor]).toEqual([[5], null]);
});
