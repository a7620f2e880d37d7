import { describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { addMedia, pattern } from "./media-world.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const hour = 3600_000;
const day = 24 * hour;
const file = pattern(100);

const prefix = async () => String((await edge.rows("SELECT prefix FROM media_store"))[0]?.["prefix"]);
const ids = async () => (await edge.rows("SELECT id FROM media ORDER BY rowid")).map(({ id }) => id);
/** Cron deletes rows first, and their objects in the same run. */
async function cron(ms = 0) {
  edge.advance(ms);
  await runCron(edge.services);
  await edge.settled();
}

describe("cron", () => {
  it("deletes uploads that no message used for a day, and used files after the policy's time", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { retentionDays: { media: 10 } } });
    const at = edge.services.now().getTime();
    const unused = await addMedia(edge, file);
    const used = await addMedia(edge, file, { expiresAt: null });
    const waiting = await addMedia(edge, file, { expiresAt: null, usedUntil: at + 20 * day });
    const left: unknown[] = [];
    for (const ms of [day - 1, 1, 9 * day - 1, 2, 10 * day]) {
      await cron(ms);
      left.push(await ids());
    }
    expect(left).toEqual([
      [unused.id, used.id, waiting.id],
      [used.id, waiting.id],
      [used.id, waiting.id],
      [waiting.id],
      [],
    ]);
    expect([edge.media.objects.size, await edge.count("media_object")]).toEqual([0, 0]);
  });

  it("deletes what is left of an upload that broke off with its edge, and not before its time", async () => {
    const key = `${await prefix()}/abc`;
    edge.media.uploads.set("upload 1", key);
    edge.media.objects.set(key, { bytes: file, uploadedAt: edge.services.now() });
    const until = edge.services.now().getTime() + hour;
    await edge.client.execute({ sql: "INSERT INTO media_object VALUES (?, 'upload 1', ?)", args: [key, until] });
    await cron(hour - 1);
    expect([edge.media.uploads.size, edge.media.objects.size]).toEqual([1, 1]);
    await cron(1);
    expect([edge.media.uploads.size, edge.media.objects.size, await edge.count("media_object")]).toEqual([0, 0, 0]);
  });

  it("deletes many objects in bounded rounds", async () => {
    const keys = Array.from({ length: 1_200 }, (_, i) => `x/${i}`);
    for (const key of keys) edge.media.objects.set(key, { bytes: file, uploadedAt: edge.services.now() });
    await edge.client.batch(
      keys.map((key, i) => ({
        sql: "INSERT INTO media_object VALUES (?, ?, 0)",
        args: [key, i < 15 ? `upload ${i}` : null],
      })),
      "write",
    );
    let calls = 0;
    const { media } = edge.services;
    edge.services.media = { ...media, delete: (some) => (calls++, media.delete(some)) };
    await cron();
    expect([edge.media.objects.size, await edge.count("media_object"), calls]).toEqual([0, 0, 3]);
  });

  it("goes on with its other duties while the store does not answer, and tries again", async () => {
    await addMedia(edge, file, { expiresAt: 0 });
    edge.media.isDown = true;
    await expect(runCron(edge.services)).rejects.toMatchObject({ code: "media-unavailable" });
    expect([await edge.count("media"), await edge.count("media_object"), edge.media.objects.size]).toEqual([0, 1, 1]);
    edge.media.isDown = false;
    await cron();
    expect([await edge.count("media_object"), edge.media.objects.size]).toEqual([0, 0]);
  });
});

/**
 * Two files, an object without a row, and a row without an object: all in this database's part of the store. A search that
 * begins at a random place finds both of the last two at once, or neither.
 */
async function forgotten() {
  const own = await prefix();
  const kept = [
    await addMedia(edge, file, { objectKey: `${own}/00`, expiresAt: null }),
    await addMedia(edge, file, { objectKey: `${own}/ff`, expiresAt: null }),
  ];
  edge.media.objects.set(`${own}/80`, { bytes: file, uploadedAt: edge.services.now() });
  edge.media.objects.set("elsewhere/80", { bytes: file, uploadedAt: edge.services.now() });
  const empty = await addMedia(edge, file, { objectKey: `${own}/80!`, expiresAt: null });
  edge.media.objects.delete(empty.objectKey);
  return { own, kept: kept.map(({ id }) => id), empty: empty.id };
}

describe("the search for what was forgotten", () => {
  it("deletes objects without a row and rows without an object, after an hour, of this database only", async () => {
    const { own, kept, empty } = await forgotten();
    await cron();
    expect([await ids(), edge.media.objects.size]).toEqual([[...kept, empty], 4]);
    await cron(hour);
    expect(await ids()).toEqual(kept);
    expect([...edge.media.objects.keys()].toSorted()).toEqual(["elsewhere/80", `${own}/00`, `${own}/ff`].toSorted());
    expect(edge.logs).toContain("media: deletes 1 objects without a row, and 1 rows without an object");
  });

  it("runs once an hour, and believes no store that is empty", async () => {
    const { kept, empty } = await forgotten();
    await cron(hour + 60_000);
    expect(await ids()).toEqual([...kept, empty]);
    edge.media.objects.clear();
    await cron(hour - 60_000);
    expect(await ids()).toEqual([...kept, empty]);
  });

  it("leaves objects alone whose upload is going on or whose delete is noted", async () => {
    const own = await prefix();
    edge.media.objects.set(`${own}/50`, { bytes: file, uploadedAt: edge.services.now() });
    const until = edge.services.now().getTime() + 3 * hour;
    await edge.client.execute({ sql: "INSERT INTO media_object VALUES (?, NULL, ?)", args: [`${own}/50`, until] });
    await cron(2 * hour);
    expect([edge.media.objects.size, edge.logs]).toEqual([1, []]);
  });
});
