import { beforeEach, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import { DatabaseFetchError } from "../src/db/failures.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
beforeEach(async () => {
  await edge.addSession();
});

it("a duty of cron that fails does not stop the others, and is logged and thrown", async () => {
  edge.queueIsDown = true;
  for (const to of ["+6281234567890", "+6281234567891"]) {
    expect((await edge.api("POST /v1/messages", { to, type: "text", text: "Selamat pagi" })).status).toBe(202);
  }
  await edge.settled();
  await edge.rows("UPDATE message SET expires_at = 1 WHERE id = (SELECT max(id) FROM message)");
  edge.queueIsDown = false;
  const { db } = edge.services;
  let writes = 0;
  edge.services.db = {
    ...db,
    write: async (queries) => {
      if (++writes === 1) throw new DatabaseFetchError("too slow");
      return db.write(queries);
    },
  };
  await expect(runCron(edge.services)).rejects.toThrow("too slow");
  expect(edge.jobs.map(({ kind }) => kind)).toEqual(["send"]);
  expect(await edge.rows("SELECT status FROM message ORDER BY id")).toEqual([
    { status: "queued" },
    { status: "failed" },
  ]);
  expect(edge.logs.join("\n")).toContain("cron could not move");
});
