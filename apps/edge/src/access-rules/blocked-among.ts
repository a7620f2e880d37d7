import type { RuleSubject } from "./match.ts";
import { sql } from "kysely";
import { spellingsOf } from "@sandi/contracts";
import type { Db } from "../db/schema.ts";

interface NumberRule {
  kind: "number" | "prefix" | "country";
  value: string;
  effect: "allow" | "block";
}

/** A recipient among many. Its hashes are computed only if there are rules. */
export type Among = Pick<RuleSubject, "digits" | "country"> & { hashes: () => Promise<string[]> };

/**
 * The places of those recipients that a rule blocks and no rule allows. Reads all rules of the workspace, of which there are
 * 1,000 at most.
 */
export async function blockedAmong(
  { kysely }: Db,
  { workspaceId, recipients, at }: { workspaceId: string; recipients: readonly Among[]; at: number },
): Promise<number[]> {
  const { rows } = await kysely.executeQuery(
    sql<NumberRule>`SELECT kind, value, effect FROM access_rule WHERE workspace_id = ${workspaceId}
      AND kind IN ('number', 'prefix', 'country') AND (expires_at IS NULL OR expires_at > ${at})`.compile(kysely),
  );
  if (!rows.some(({ effect }) => effect === "block")) return [];
  const effects = new Map<string, Set<NumberRule["effect"]>>();
  for (const { kind, value, effect } of rows) {
    const name = `${kind} ${value}`;
    effects.set(name, (effects.get(name) ?? new Set()).add(effect));
  }
  const blocked = await Promise.all(
    recipients.map(async ({ hashes, digits, country }) => {
      const prefixes = spellingsOf(digits).flatMap((one) => Array.from(one, (_, i) => `prefix ${one.slice(0, i + 1)}`));
      const names = [...(await hashes()).map((hash) => `number ${hash}`), `country ${country}`, ...prefixes];
      const found = names.map((name) => effects.get(name));
      return found.some((each) => each?.has("block")) && !found.some((each) => each?.has("allow"));
    }),
  );
  return blocked.flatMap((isBlocked, place) => (isBlocked ? [place] : []));
}
