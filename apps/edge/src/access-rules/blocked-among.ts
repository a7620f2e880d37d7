import type { RuleSubject } from "./match.ts";
import { sql } from "kysely";
import { countriesOfTwoSpellings, spellingsOf } from "@sandi/contracts";
import type { Db } from "../db/schema.ts";

interface NumberRule {
  kind: "number" | "prefix" | "country";
  value: string;
  effect: "allow" | "block";
}

/** A recipient among many. Its hashes are computed only if there are rules. */
export type Among = Pick<RuleSubject, "digits" | "country"> & {
  /** Only the first digits are known: a rule for a longer prefix may be about it, and then blocks it. */
  isShort?: boolean;
  hashes: () => Promise<string[]>;
};

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
    recipients.map(async ({ hashes, digits, country, isShort = false }) => {
      if (isShort && rows.some((rule) => mayBlock(rule, { digits, country }))) return true;
      const prefixes = spellingsOf(digits).flatMap((one) => Array.from(one, (_, i) => `prefix ${one.slice(0, i + 1)}`));
      const names = [...(await hashes()).map((hash) => `number ${hash}`), `country ${country}`, ...prefixes];
      const found = names.map((name) => effects.get(name));
      return found.some((each) => each?.has("block")) && !found.some((each) => each?.has("allow"));
    }),
  );
  return blocked.flatMap((isBlocked, place) => (isBlocked ? [place] : []));
}

/** As `mayBeBlocked` says it in SQL. */
function mayBlock(
  { kind, value, effect }: NumberRule,
  { digits, country }: Pick<Among, "digits" | "country">,
): boolean {
  if (kind !== "prefix" || effect !== "block") return false;
  const isLonger = value.length > digits.length && value.startsWith(digits);
  const isOfOtherSpelling =
    countriesOfTwoSpellings.includes(country) &&
    value.length >= digits.length &&
    value.slice(0, 2) === digits.slice(0, 2);
  return isLonger || isOfOtherSpelling;
}
