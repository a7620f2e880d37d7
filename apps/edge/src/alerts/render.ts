import type { IncidentKind } from "@sandi/contracts";
import { iso, isoOrNull } from "../time.ts";
import { masked } from "../phone.ts";
import type { Message } from "../outbound/topic.ts";
import { detailOf, subjectOf } from "./incidents.ts";

/** An incident as it was when its delivery was stored. */
export interface IncidentSnapshot {
  kind: IncidentKind;
  reason: string | null;
  subject: string;
  openedAt: number;
  since: number;
  closedAt: number | null;
  times: number;
}

export interface Alert {
  notification: "opened" | "reopened" | "closed";
  incidentId: string;
  incident: IncidentSnapshot;
  /** Of the session, or of the channel; null when it is gone. */
  name: string | null;
  phone: string | null;
  publicUrl: string;
}

const headlines: Record<IncidentKind, string> = {
  needs_action: "needs you",
  offline: "is offline",
  limited: "is limited by WhatsApp",
  proxy_unreachable: "cannot reach its proxy",
  queue_stuck: "has messages that wait too long",
  failures_high: "fails to send",
  connector_silent: "has no connector",
  channel_paused: "is paused",
  webhook_paused: "is paused",
};

export const testMessage = (publicUrl: string): Message => ({
  type: "alert.test",
  text: `This is a test of Sandi's alerts.\n${publicUrl}/docs`,
  data: {},
});

/** One incident in words, and in data for a webhook. */
export function incidentMessage(alert: Alert): Message {
  const { notification, incidentId, incident, name, phone, publicUrl } = alert;
  const { kind, reason, subject, openedAt, since, closedAt, times } = incident;
  return {
    type: `incident.${notification}`,
    text: textOf(alert),
    data: {
      incident: {
        id: incidentId,
        kind,
        reason,
        detail: detailOf(incident),
        ...subjectOf(subject),
        name,
        number: phone && masked(phone),
        openedAt: iso(openedAt),
        since: iso(since),
        closedAt: isoOrNull(closedAt),
        times,
      },
      link: linkTo(publicUrl, subject),
    },
  };
}

/** What happened, what to do, since when, and where to look. */
function textOf({ notification, incident, name, phone, publicUrl }: Alert): string {
  const { kind, subject, openedAt, since, closedAt, times } = incident;
  const { channelId, webhookId } = subjectOf(subject);
  const who = `${channelId ? "Alert channel" : webhookId ? "Webhook" : "Session"} ${nameAndNumber({ name, phone })}`;
  const link = linkTo(publicUrl, subject);
  if (notification === "closed") {
    const lasted = durationOf((closedAt ?? since) - since);
    return [`${who} is back after ${lasted}.`, `It was: ${headlines[kind]}.`, `${subject} ${link}`].join("\n");
  }
  const again = notification === "reopened" ? `, for the ${ordinal(times)} time since ${minuteOf(openedAt)}` : "";
  return [
    `${who} ${headlines[kind]}${again}.`,
    detailOf(incident),
    `Since ${minuteOf(since)}.`,
    `${subject} ${link}`,
  ].join("\n");
}

export const nameAndNumber = ({ name, phone }: { name: string | null; phone: string | null }) =>
  `“${inert(name ?? "")}”${phone === null ? "" : ` (${masked(phone)})`}`;

const linkTo = (publicUrl: string, subject: string) =>
  `${publicUrl}/v1/${subject.startsWith("alc_") ? "alert-channels" : "sessions"}/${subject}`;

const lookAlikes: Record<string, string> = {
  "<": "‹",
  ">": "›",
  "&": "＆",
  "@": "＠",
  "#": "＃",
  "!": "！",
  "*": "∗",
  _: "ˍ",
  "~": "∼",
  "`": "ˋ",
  "|": "ǀ",
  "\\": "＼",
  "/": "／",
  "[": "［",
  "]": "］",
  "(": "（",
  ")": "）",
  ":": "：",
  ".": "․",
  "“": "'",
  "”": "'",
};

/** A name without any markup of Telegram, Slack or Markdown, without mentions and links. */
export const inert = (name: string): string =>
  name.replace(/[<>&@#!*_~`|\\/[\]():.“”]/g, (character) => lookAlikes[character] ?? "");

export const minuteOf = (at: number) => `${iso(at).slice(0, 16).replace("T", " ")} UTC`;

function ordinal(count: number): string {
  const last = count % 10;
  const isTeen = Math.floor(count / 10) % 10 === 1;
  return `${count}${isTeen || last === 0 || last > 3 ? "th" : ["st", "nd", "rd"][last - 1]}`;
}

export function durationOf(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
