import type { Destination } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { accessRuleCalls, to } from "./access-rule-calls.ts";
import { auditRows } from "./audit-rows.ts";
import { type Edge, wrong } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const { verify, isoIn } = accessRuleCalls(() => edge);
const status = (options = {}) => edge.api<Destination>("POST /v1/destinations/status", { to }, options);
const unlock = (options = {}) => edge.api<Destination>("POST /v1/destinations/unlock", { to }, options);
async function lock() {
  const { body } = await verify();
  const code = wrong(await edge.codeOf(body.id));
  for (let i = 0; i < 3; i++) await edge.api(`POST /v1/verifications/${body.id}/check`, { code });
  return body.id;
}

describe("a destination", () => {
  const nothing = {
    to: "+62812•••7890",
    failedChecks: { lastHour: 0, inARow: 0 },
    locks: 0,
    lockedUntil: null,
    sends: { last10Minutes: 0, lastHour: 0, lastDay: 0 },
  };

  beforeEach(async () => {
    await edge.addSession();
    await edge.api("PATCH /v1/workspace", { policy: { failedChecksPerHour: 3 } });
    await edge.client.execute("DELETE FROM audit");
  });

  it("of which nothing is known has a state, too", async () => {
    expect(await status()).toMatchObject({ status: 200, body: nothing });
    expect(await unlock()).toMatchObject({ status: 200, body: nothing });
    expect(await auditRows(edge)).toEqual([]);
  });

  it("shows wrong codes, its lock and its sends, and they end with time", async () => {
    await lock();
    const { body } = await status();
    expect(body).toEqual({
      ...nothing,
      failedChecks: { lastHour: 3, inARow: 3 },
      locks: 1,
      lockedUntil: isoIn(3_600_000),
      sends: { last10Minutes: 1, lastHour: 1, lastDay: 1 },
    });
    edge.advance(600_000);
    expect((await status()).body.sends).toEqual({ last10Minutes: 0, lastHour: 1, lastDay: 1 });
    edge.advance(3_000_000);
    expect((await status()).body).toMatchObject({ failedChecks: { lastHour: 0, inARow: 3 }, lockedUntil: null });
    edge.advance(86_400_000);
    expect((await status()).body.sends).toEqual(nothing.sends);
  });

  it("is locked twice as long by the second wrong code where each wrong code locks it", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { failedChecksPerHour: 1 } });
    for (const hours of [1, 2]) {
      await lock();
      expect((await status()).body).toMatchObject({ locks: hours, lockedUntil: isoIn(hours * 3_600_000) });
      edge.advance(hours * 3_600_000);
    }
  });

  it("is unlocked: its codes can be checked again, and the log has no whole number", async () => {
    const id = await lock();
    const code = await edge.codeOf(id);
    const refused = await edge.api(`POST /v1/verifications/${id}/check`, { code });
    expect([refused.status, refused.body.code]).toEqual([429, "destination-locked"]);
    const { body } = await unlock();
    expect(body).toEqual({ ...nothing, sends: { last10Minutes: 1, lastHour: 1, lastDay: 1 } });
    expect(body).toEqual((await status()).body);
    expect((await edge.api(`POST /v1/verifications/${id}/check`, { code })).status).toBe(200);
    const [entry] = await auditRows(edge);
    expect(entry).toMatchObject({ action: "destination.unlocked", target: "+62812•••7890" });
    expect(JSON.parse(String(entry?.["detail"]))).toEqual({
      failedChecks: { lastHour: 3, inARow: 3 },
      locks: 1,
      lockedUntil: isoIn(3_600_000),
    });
  });

  it("is unlocked once for one Idempotency-Key", async () => {
    await lock();
    const headers = { "idempotency-key": "u" };
    const first = await unlock({ headers });
    await edge.settled();
    const again = await unlock({ headers });
    expect([again.status, again.body, again.headers.get("idempotent-replayed")]).toEqual([200, first.body, "true"]);
    expect((await auditRows(edge)).length).toBe(1);
  });

  it.each([
    [true, 200],
    [false, 503],
  ])("answers an unlock as stored when only the answer was lost (%s)", async (isStored, code) => {
    await lock();
    const { db } = edge.services;
    edge.services.db = {
      ...db,
      write: async (queries) => {
        edge.services.db = db;
        if (isStored) await db.write(queries);
        throw new DatabaseFetchError("lost");
      },
    };
    expect((await unlock()).status).toBe(code);
    expect((await status()).body.lockedUntil === null).toBe(isStored);
  });

  it("is its workspace's own, and refuses what is no number", async () => {
    await lock();
    const stranger = await edge.addWorkspace();
    expect((await unlock({ key: stranger.key })).body).toEqual(nothing);
    expect((await status()).body.lockedUntil).not.toBeNull();
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect((await status({ key: test })).body.failedChecks.inARow).toBe(0);
    for (const request of ["POST /v1/destinations/status", "POST /v1/destinations/unlock"]) {
      expect((await edge.api(request, { to: "0812" })).body.errors?.[0]?.pointer).toBe("/to");
      const weak = await edge.addKey(edge.workspace.id, ["otp:send"]);
      expect((await edge.api(request, { to }, { key: weak })).status).toBe(403);
    }
  });
});
