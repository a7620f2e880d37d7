import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { commit } from "../src/writes/commit.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

type Write = Edge["services"]["db"]["write"];

/** For each of the next writes: whether it is stored before its answer is lost. Answers a function that stores the others. */
function loseAnswers(...stored: boolean[]): () => Promise<PromiseSettledResult<unknown>[]> {
  const { db } = edge.services;
  const late: (() => Promise<unknown>)[] = [];
  edge.services.db = {
    ...db,
    write: (async (queries: Parameters<Write>[0]) => {
      const isStored = stored.shift();
      if (isStored === undefined) return db.write(queries);
      if (isStored) await db.write(queries);
      else late.push(() => db.write(queries));
      throw new DatabaseFetchError("lost");
    }) as Write,
  };
  return () => Promise.allSettled(late.map((write) => write()));
}

/** Lets the undo wait for the call of the answered function. */
function holdUndo(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  edge.services.sleep = () => promise;
  return resolve;
}

const note = (name: string) => sql`INSERT INTO bootstrap (token_hash, workspace_id, used_at) VALUES (${name}, '', 0)`;
const notes = async () =>
  (await edge.rows("SELECT token_hash FROM bootstrap ORDER BY 1")).map((row) => row["token_hash"]);
const batch = () => ({
  writes: { first: note("a"), more: [note("b")] },
  reads: { count: sql<{ n: number }>`SELECT count(*) AS n FROM bootstrap` },
});
const noted = (name: string) => ({
  found: sql<{ n: number }>`SELECT count(*) AS n FROM bootstrap WHERE token_hash = ${name}`,
});
const undo = () => ({ writes: sql`DELETE FROM bootstrap` });

describe("a commit", () => {
  it("answers the reads, which see the writes, and the results of the writes", async () => {
    const { count, written } = await commit(edge.services, batch());
    expect(count).toEqual([{ n: 2 }]);
    expect([written?.first.numAffectedRows, written?.more.length]).toEqual([1n, 1]);
  });

  it.each([false, true])("answers nested reads in their shape (its own answer was lost: %s)", async (isLost) => {
    if (isLost) loseAnswers(true);
    const reads = { each: ["a", "c"].map(noted), none: [] };
    const { each, none } = await commit(edge.services, { ...batch(), reads });
    expect([each, none]).toEqual([[{ found: [{ n: 1 }] }, { found: [{ n: 0 }] }], []]);
  });

  it("answers the reads alone when it was stored and only its answer was lost", async () => {
    loseAnswers(true);
    const { count, written } = await commit(edge.services, batch());
    expect([count, written, await notes()]).toEqual([[{ n: 2 }], undefined, ["a", "b"]]);
  });

  it("fails when it was not stored, and a late batch is refused whole", async () => {
    const storeLate = loseAnswers(false);
    await expect(commit(edge.services, batch())).rejects.toThrow(DatabaseFetchError);
    expect((await storeLate()).map(({ status }) => status)).toEqual(["rejected"]);
    expect(await notes()).toEqual([]);
  });

  it("is undone when the second answer was lost, too", async () => {
    loseAnswers(true, true);
    const start = holdUndo();
    await expect(commit(edge.services, { ...batch(), undo })).rejects.toThrow(DatabaseFetchError);
    expect(await notes()).toEqual(["a", "b"]);
    start();
    await edge.settled();
    expect(await notes()).toEqual([]);
  });

  it("is not undone when `unless` is true by then", async () => {
    loseAnswers(true, true);
    const start = holdUndo();
    const unless = sql<boolean>`EXISTS (SELECT 1 FROM bootstrap WHERE token_hash = 'seen')`;
    await expect(commit(edge.services, { ...batch(), undo: () => ({ ...undo(), unless }) })).rejects.toThrow(
      DatabaseFetchError,
    );
    await edge.rows("INSERT INTO bootstrap (token_hash, workspace_id, used_at) VALUES ('seen', '', 0)");
    start();
    await edge.settled();
    expect(await notes()).toEqual(["a", "b", "seen"]);
  });

  it("is never stored when nothing was answered and it comes late", async () => {
    const storeLate = loseAnswers(false, false);
    await expect(commit(edge.services, batch())).rejects.toThrow(DatabaseFetchError);
    await edge.settled();
    expect((await storeLate())[0]?.status).toBe("rejected");
    expect(await notes()).toEqual([]);
  });

  it("is undone later when the database is away for a while, and says when it gives up", async () => {
    loseAnswers(true, true, false, false);
    await expect(commit(edge.services, { ...batch(), undo })).rejects.toThrow(DatabaseFetchError);
    await edge.settled();
    expect([await notes(), edge.logs]).toEqual([[], []]);
    loseAnswers(true, true, false, false, false, false);
    await expect(commit(edge.services, { ...batch(), undo })).rejects.toThrow(DatabaseFetchError);
    await edge.settled();
    expect(edge.logs).toEqual(["a write that was answered with 503 may have been stored"]);
  });

  it("stores nothing and answers undefined when its requirement is not met", async () => {
    expect(await commit(edge.services, { ...batch(), requires: sql<boolean>`false` })).toBeUndefined();
    expect([await notes(), await edge.count("write_receipt")]).toEqual([[], 0]);
    expect(await commit(edge.services, { ...batch(), requires: sql<boolean>`true` })).toMatchObject({
      count: [{ n: 2 }],
    });
  });

  it("leaves a receipt, which is deleted after an hour", async () => {
    await commit(edge.services, batch());
    edge.advance(3_000_000);
    await commit(edge.services, { writes: [] });
    edge.advance(1_000_000);
    await runCron(edge.services);
    expect(await edge.count("write_receipt")).toBe(1);
  });
});
