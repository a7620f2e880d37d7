import type { Scope } from "@sandi/contracts";
import { seesAccounts } from "../auth/powers.ts";
import type { EventTable } from "../db/tables/messages.ts";

// Timelines, the feed and webhooks show the same events. A number without an account looks like a phone that is off to
// readers without `lookup:read`.

/** Events about a number without an account, as readers with `lookup:read` see them. Missing ones are hidden. */
const typesWithLookup: Record<string, string> = {
  "message.failed": "message.failed",
  "verification.undeliverable": "verification.undeliverable",
};
/** The same events as other readers see them. */
export const typesWithoutLookup: Record<string, string> = {
  "message.failed": "message.sent",
  "message.revoked": "message.revoked",
};
/** Later ends of a verification without an account, which only readers without `lookup:read` see. */
const laterEnds: ReadonlySet<string> = new Set(
  ["expired", "canceled", "max_attempts_reached", "blocked"].map((status) => `verification.${status}`),
);

export interface ShownEvent {
  type: string;
  data: Record<string, unknown>;
}

/**
 * An event as a reader with these scopes sees it; undefined: it is hidden.
 * @param isUnreachable its verification found no account: see `verifications/status.ts`
 */
export function shownEvent(
  row: Pick<EventTable, "type" | "data">,
  { scopes, isUnreachable = false }: { scopes: ReadonlySet<Scope>; isUnreachable?: boolean },
): ShownEvent | undefined {
  const sees = seesAccounts(scopes);
  const data = JSON.parse(row.data) as ShownEvent["data"];
  const isOfNoAccount = data["reason"] === "not_on_whatsapp";
  const type = isOfNoAccount ? (sees ? typesWithLookup : typesWithoutLookup)[row.type] : row.type;
  if (type === undefined || (sees && isUnreachable && laterEnds.has(type))) return undefined;
  return { type, data: isOfNoAccount && !sees ? {} : data };
}
