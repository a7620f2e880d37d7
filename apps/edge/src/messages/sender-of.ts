import type { CompiledQuery } from "kysely";
import type { Tenant } from "../auth/tenant.ts";
import type { Db } from "../db/schema.ts";
import { accounts } from "./accounts.ts";
import { sandbox } from "./sandbox.ts";
import type { Sender } from "./sender.ts";

/** The sender of this tenant's messages. */
export const senderOf = ({ test }: Pick<Tenant, "test">): Sender => (test === 1 ? sandbox : accounts);

/** Rows as they are after these statements. */
export async function readCurrent<Row>(
  db: Db,
  settled: readonly CompiledQuery[],
  select: CompiledQuery<Row>,
): Promise<Row[]> {
  const { rows } =
    settled.length === 0 ? await db.kysely.executeQuery(select) : (await db.write({ settled, select })).select;
  return rows;
}
