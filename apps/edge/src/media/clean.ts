import { sql } from "kysely";
import type { Services } from "../services.ts";

/** Objects that one round deletes. */
const mostDue = 500;
/** Uploads in parts that broke off: each needs a request of its own. */
const mostAborts = 10;
/** Objects that one search looks at. */
const mostSearched = 500;
const hourMs = 3600_000;

/** Deletes the objects that are due, and the parts of uploads that broke off. Answers whether there may be more. */
export async function deleteDueObjects({ db, media, now }: Services): Promise<boolean> {
  const due = await db.kysely
    .selectFrom("mediaObject")
    .select(["objectKey", "partUploadId"])
    .where("deleteAt", "<=", now().getTime())
    .orderBy("deleteAt")
    .limit(mostDue)
    .execute();
  const broken = due.filter(({ partUploadId }) => partUploadId !== null);
  const later = new Set(broken.slice(mostAborts));
  const done = due.filter((each) => !later.has(each)).map(({ objectKey }) => objectKey);
  if (done.length === 0) return false;
  for (const { objectKey, partUploadId } of broken.slice(0, mostAborts))
    await media.abort(objectKey, partUploadId ?? "");
  await media.delete(done);
  await db.kysely.deleteFrom("mediaObject").where("objectKey", "in", done).execute();
  return due.length === mostDue;
}

/**
 * Compares a part of the store with the rows, once an hour from a random place: an object without a row is deleted, and a
 * row without an object. A database that was restored to an earlier time leaves both.
 */
export async function deleteForgotten(services: Services): Promise<void> {
  const { db, now, random } = services;
  if (now().getUTCMinutes() !== 0) return;
  const { rows } = await db.kysely.executeQuery(
    sql<{ prefix: string }>`SELECT prefix FROM media_store`.compile(db.kysely),
  );
  const prefix = `${rows[0]?.prefix ?? ""}/`;
  const isAtEnd = await compare(services, { prefix, after: prefix + random(2).toHex() });
  if (isAtEnd) await compare(services, { prefix, after: prefix });
}

/** Compares the objects behind a name with the rows. Answers whether there are no more objects. */
async function compare(
  { db, media, now, log }: Services,
  { prefix, after }: { prefix: string; after: string },
): Promise<boolean> {
  const objects = (await media.list(after, mostSearched)).filter(({ key }) => key.startsWith(prefix));
  const isAtEnd = objects.length < mostSearched;
  // With no object at all it is rather another bucket that is bound than every object that is lost.
  if (objects.length === 0) return isAtEnd;
  const isIn = sql<boolean>`object_key > ${after} AND object_key <= ${isAtEnd ? `${prefix}~` : objects.at(-1)!.key}`;
  const known = await db.read({
    rows: sql<{ objectKey: string; createdAt: number }>`SELECT object_key, created_at FROM media WHERE ${isIn}`,
    noted: sql<{ objectKey: string }>`SELECT object_key FROM media_object WHERE ${isIn}`,
  });
  const until = now().getTime() - hourMs;
  const named = new Set([...known.rows.rows, ...known.noted.rows].map(({ objectKey }) => objectKey));
  const stored = new Set(objects.map(({ key }) => key));
  const unknown = objects.filter(({ key, uploadedAt }) => !named.has(key) && uploadedAt.getTime() <= until);
  const empty = known.rows.rows.filter(({ objectKey, createdAt }) => !stored.has(objectKey) && createdAt <= until);
  if (unknown.length + empty.length === 0) return isAtEnd;
  log(`media: deletes ${unknown.length} objects without a row, and ${empty.length} rows without an object`);
  if (unknown.length > 0) await media.delete(unknown.map(({ key }) => key));
  const lost = empty.map(({ objectKey }) => objectKey);
  if (lost.length > 0) await db.kysely.deleteFrom("media").where("objectKey", "in", lost).execute();
  return isAtEnd;
}
