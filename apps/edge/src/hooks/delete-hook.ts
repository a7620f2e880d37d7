import type { Context } from "../context.ts";
import { deleteRow } from "../writes/delete-row.ts";

/** Deletes a hook and its secrets. Supabase's next requests to it are refused. */
export const deleteHook = (ctx: Context, id: string): Promise<void> =>
  deleteRow(ctx, { table: "supabaseHook", id, action: "hook.deleted", missing: "hook-not-found" });
