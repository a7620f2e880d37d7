import type { IncidentKind } from "@sandi/contracts";
import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { iso } from "../time.ts";
import { masked } from "../phone.ts";
import type { Message } from "../outbound/topic.ts";
import { detailOf } from "./incidents.ts";
import { durationOf, minuteOf, type IncidentSnapshot, nameAndNumber } from "./render.ts";

const namesShown = 5;
const membersRead = 2_000;

interface Member {
  incident: IncidentSnapshot;
  /** Null when the session is gone. */
  name: string | null;
  phone: string | null;
}

/** Many incidents that one delivery reports. */
export interface Digest {
  notification: "opened" | "closed";
  members: Member[];
  /** How many of those that began together are open. */
  open: number;
}

/** The incidents that a delivery reports together. */
export async function readDigest(db: Db, id: string, notification: Digest["notification"]): Promise<Digest> {
  const [members, open] = await db.read([
    sql<{ content: string; name: string | null; phone: string | null }>`SELECT m.content, s.name, s.account AS phone
      FROM delivery m LEFT JOIN session s ON s.id = m.content ->> '$.subject'
      WHERE m.digest_id = ${id} ORDER BY m.rowid LIMIT ${membersRead}`.compile(db.kysely),
    sql<{
      open: number;
    }>`SELECT count(DISTINCT i.subject) AS open FROM incident i WHERE i.closed_at IS NULL AND i.id IN (
      SELECT subject_id FROM delivery WHERE digest_id IN (
        SELECT o.digest_id FROM delivery m JOIN delivery o ON o.endpoint_id = m.endpoint_id
          AND o.subject_id = m.subject_id AND o.type <> 'closed' AND o.digest_id IS NOT NULL
        WHERE m.digest_id = ${id}))`.compile(db.kysely),
  ]);
  const read = members.rows.map(({ content, name, phone }) => ({
    incident: JSON.parse(content) as IncidentSnapshot,
    name,
    phone,
  }));
  return { notification, members: read, open: open.rows[0]?.open ?? 0 };
}

const words: Record<IncidentKind, string> = {
  needs_action: "Need you",
  offline: "Offline",
  limited: "Limited by WhatsApp",
  proxy_unreachable: "Proxy not reached",
  queue_stuck: "Messages wait too long",
  failures_high: "Fail to send",
  connector_silent: "No connector",
  channel_paused: "Paused",
  webhook_paused: "Paused",
};

const stormAdvice =
  "When many go at once, look first at what they share: whether the connectors run, their network and proxies, and WhatsApp.";

/** A digest in words, and in data for a webhook: how many, why, the first of them, and what to do. */
export function digestMessage({ notification, members, open }: Digest, publicUrl: string): Message {
  const first = [...new Map(members.map((member) => [member.incident.subject, member])).values()];
  const count = first.length;
  const since = Math.min(...members.map(({ incident }) => incident.since));
  const reasons = reasonsOf(members);
  const kinds = [...new Set(reasons.map(({ kind }) => kind))].map((kind) => lineOf(kind, reasons));
  const more = count > namesShown ? ` and ${count - namesShown} more` : "";
  const names = `${first.slice(0, namesShown).map(nameAndNumber).join(", ")}${more}.`;
  const link = `${publicUrl}/v1/incidents${notification === "opened" ? "?state=open" : ""}`;
  const until = Math.max(...members.map(({ incident }) => incident.closedAt ?? incident.since));
  const sessions = count === 1 ? "1 session" : `${count} sessions`;
  const lines =
    notification === "opened"
      ? [`${sessions} went at once.`, ...kinds, names, detailOf(reasons[0]!), stormAdvice, `Since ${minuteOf(since)}.`]
      : [
          `${sessions} ${count === 1 ? "is" : "are"} back after ${durationOf(until - since)}.`,
          ...(open > 0 ? [`Of those that went with them ${open} ${open === 1 ? "is" : "are"} not.`] : []),
          ...kinds.map((line) => `It was: ${line}`),
          names,
        ];
  return {
    type: `incidents.${notification}`,
    text: [...lines, link].join("\n"),
    data: {
      sessions: count,
      stillOpen: open,
      since: iso(since),
      reasons,
      first: first.slice(0, namesShown).map(({ incident, name, phone }) => ({
        sessionId: incident.subject,
        name,
        number: phone && masked(phone),
        kind: incident.kind,
        reason: incident.reason,
      })),
      link,
    },
  };
}

interface Reason {
  kind: IncidentKind;
  reason: string | null;
  count: number;
}

/** Most frequent first. */
function reasonsOf(members: readonly Member[]): Reason[] {
  const counts = new Map<string, Reason>();
  for (const { kind, reason } of members.map(({ incident }) => incident)) {
    const known = counts.get(`${kind} ${reason}`) ?? { kind, reason, count: 0 };
    counts.set(`${kind} ${reason}`, { ...known, count: known.count + 1 });
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count);
}

function lineOf(kind: IncidentKind, all: readonly Reason[]): string {
  const own = all.filter((each) => each.kind === kind);
  const total = own.reduce((sum, { count }) => sum + count, 0);
  return `${words[kind]}: ${total} (${own.map(({ reason, count }) => `${reason ?? kind} ${count}`).join(", ")}).`;
}
