import type { InValue, Row } from "@libsql/client";
import type { KeyRing, Random } from "@sandi/crypto";
import { atRestOfOwners } from "./at-rest.ts";
import type { NodeAtRest } from "@sandi/crypto/node";
import { text } from "./row.ts";
import { type ResealedColumn, sealedColumns } from "./sealed-columns.ts";
import type { Store } from "./store.ts";

/** The result for one column. */
export interface Resealed {
  /** `table.column`. */
  column: string;
  resealed: number;
  /** Values that are still under another key than the current one. */
  remaining: number;
  /** Remaining values that did not open: their key is missing, or they were moved from another row. */
  unopened: number;
}

/**
 * Seals every value again that is sealed under another key than the current one. This is safe while connectors run: a value
 * is replaced only if the row still holds the value that was read.
 */
export async function resealStore(
  store: Store,
  keys: KeyRing,
  { random, batch = 500 }: { random: Random; batch?: number },
): Promise<Resealed[]> {
  const atRestOf = atRestOfOwners(keys, random);
  const report: Resealed[] = [];
  for (const column of sealedColumns) {
    report.push(await resealColumn(store, { column, kid: keys.current.kid, batch, atRestOf }));
  }
  return report;
}

interface Work {
  column: ResealedColumn;
  kid: string;
  batch: number;
  atRestOf: (owner: string) => NodeAtRest;
}

async function resealColumn({ client, writer }: Store, { column: one, kid, batch, atRestOf }: Work): Promise<Resealed> {
  const { table, column, key } = one;
  const names = key.join(", ");
  const sealedSql = one.sealed ?? column;
  const prefix = `v1.${kid}.`;
  const isStale = `${sealedSql} IS NOT NULL AND substr(${sealedSql}, 1, ${prefix.length}) <> ?`;
  const result: Resealed = { column: `${table}.${column}`, resealed: 0, remaining: 0, unopened: 0 };
  let after: InValue[] | undefined;
  for (;;) {
    const beyond = after ? `AND (${names}) > (${key.map(() => "?").join(", ")})` : "";
    const { rows } = await client.execute({
      sql: `SELECT *, ${sealedSql} AS sealed_value FROM ${table} WHERE ${isStale} ${beyond} ORDER BY ${names} LIMIT ?`,
      args: [prefix, ...(after ?? []), batch],
    });
    const last = rows.at(-1);
    if (!last) break;
    after = key.map((name) => last[name] as InValue);
    const replaced = rows.flatMap((row) => {
      const sealed = resealedValue(one, row, atRestOf);
      if (sealed === null) result.unopened++;
      return sealed === null ? [] : [{ row, sealed }];
    });
    const results = await writer.write(
      replaced.map(({ row, sealed }) => ({
        sql: `UPDATE ${table} SET ${column} = ? WHERE (${names}) = (${key.map(() => "?").join(", ")}) AND ${column} = ?`,
        args: [
          one.put ? one.put(text(row, column), sealed) : sealed,
          ...key.map((name) => row[name] as InValue),
          text(row, column),
        ],
      })),
    );
    result.resealed += results.reduce((sum, { rowsAffected }) => sum + rowsAffected, 0);
  }
  const { rows } = await client.execute({ sql: `SELECT count(*) AS n FROM ${table} WHERE ${isStale}`, args: [prefix] });
  result.remaining = Number(rows[0]?.["n"]);
  return result;
}

/** The row's value under the current key; null when it does not open. */
function resealedValue(
  { owner, context, mayBePlaintext }: ResealedColumn,
  row: Row,
  atRestOf: Work["atRestOf"],
): string | null {
  const sealed = text(row, "sealed_value");
  const [atRest, place] = [atRestOf(owner(row)), context(row)];
  if (mayBePlaintext && !sealed.startsWith("v1.")) return atRest.sealNow(new TextEncoder().encode(sealed), place);
  try {
    return atRest.sealNow(atRest.openNow(sealed, place), place);
  } catch {
    return null;
  }
}
