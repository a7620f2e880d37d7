import type { Results } from "@sandi/libsql";
import type { Compilable, CompiledQuery } from "kysely";
import type { Context } from "../context.ts";
import { refusalOf, refuseUnlessSame } from "./commit-as.ts";

/** Runs `db.write` for the calling key, without a receipt: as `commitAs`. */
export async function writeAs<const Queries extends readonly (CompiledQuery | Compilable)[]>(
  ctx: Context,
  queries: Queries,
): Promise<Results<Queries>> {
  const { services, actor } = ctx;
  try {
    const caller = refuseUnlessSame(actor, services.now().getTime());
    const { results } = await services.db.write({ caller, results: queries });
    return results;
  } catch (error) {
    throw refusalOf(ctx, error) ?? error;
  }
}
