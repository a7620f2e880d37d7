import type { ConnectorEvent, IncidentKind } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { closeIncidents, openIncidents } from "./incident-changes.ts";

type EventOf<Type extends ConnectorEvent["type"]> = Extract<ConnectorEvent, { type: Type }>;
type State = Pick<EventOf<"session.state">, "state" | "reason" | "phone">;
type Limits = Pick<EventOf<"session.limits">, "newChats" | "newChatsLockedUntil" | "pausedUntil">;

interface News {
  /** True in SQL of the `session` row if the event changes it. These statements run before the event is stored. */
  isNews: RawBuilder<boolean>;
  at: number;
}

const sessions = (which: RawBuilder<boolean>) => sql`SELECT id, workspace_id FROM session WHERE ${which}`;
const isRunning = sql<boolean>`desired = 'running'`;

const away = ["offline", "proxy_unreachable"] as const satisfies readonly IncidentKind[];
/** The incidents that end, without a report, when a worse one opens. */
const superseded = { offline: [], proxy_unreachable: ["offline"], needs_action: away } as const;

/** A session that is online has recovered. A session that should run and is not online may have an incident. */
export function stateIncidents(db: Db, state: State, { isNews, at }: News): CompiledQuery[] {
  if (state.state === "online") {
    const kinds = [...away, "needs_action"] as const;
    return [closeIncidents(db, { subjects: sessions(isNews), kinds, ending: "recovered", at })];
  }
  const kind = kindOf(state);
  if (!kind) return [];
  const subjects = sessions(sql`${isNews} AND ${isRunning}`);
  const kinds = superseded[kind];
  return [
    ...(kinds.length === 0 ? [] : [closeIncidents(db, { subjects, kinds, ending: "superseded", at })]),
    ...openIncidents(db, { subjects, kind, reason: state.reason, at }),
  ];
}

function kindOf({ state, reason, phone }: State): keyof typeof superseded | undefined {
  if (state === "ended") return reason === "requested" ? undefined : "needs_action";
  if (state === "stopped") return reason === "passkey_required" ? "needs_action" : undefined;
  if (state !== "waiting" || reason === null) return undefined;
  if (reason === "bad_session" || reason === "untrusted_server") return "needs_action";
  if (reason === "proxy_unreachable") return "proxy_unreachable";
  return phone === null ? undefined : "offline";
}

const yearMs = 365 * 86_400_000;
const timeOf = (text: string | null | undefined) => (text ? new Date(text).getTime() : 0);

/** An account that WhatsApp limits has an incident until the limit ends. */
export function limitIncidents(db: Db, limits: Limits, { isNews, at }: News): CompiledQuery[] {
  const { newChats } = limits;
  const pausedUntil = timeOf(limits.pausedUntil);
  const lockedUntil = timeOf(limits.newChatsLockedUntil);
  const isUsedUp = newChats !== null && newChats.used >= newChats.total;
  const until = Math.max(pausedUntil, lockedUntil, isUsedUp ? timeOf(newChats.resetsAt) || at + yearMs : 0);
  const subjects = sessions(isNews);
  if (until <= at) return [closeIncidents(db, { subjects, kinds: ["limited"], ending: "recovered", at })];
  const reason = pausedUntil > at ? "paused" : lockedUntil > at ? "new_chats_locked" : "new_chats_used_up";
  return openIncidents(db, { subjects, kind: "limited", reason, until, at });
}

/** The limits of the former account do not hold for another account of the session. */
export const accountIncidents = (db: Db, { isNews, at }: News): CompiledQuery =>
  closeIncidents(db, { subjects: sessions(isNews), kinds: ["limited"], ending: "withdrawn", at });

/** A proxy that works has recovered. Without a proxy (null), there is nothing to report. */
export function proxyIncidents(db: Db, isHealthy: boolean | null, { isNews, at }: News): CompiledQuery[] {
  const kind = "proxy_unreachable";
  if (isHealthy === false) {
    return openIncidents(db, { subjects: sessions(sql`${isNews} AND ${isRunning}`), kind, reason: kind, at });
  }
  const ending = isHealthy === null ? "withdrawn" : "recovered";
  return [closeIncidents(db, { subjects: sessions(isNews), kinds: [kind], ending, at })];
}
