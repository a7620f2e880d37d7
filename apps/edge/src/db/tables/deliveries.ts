import type { DeliveryError, IncidentKind } from "@sandi/contracts";

/** An address outside that a workspace has deliveries sent to. */
export interface EndpointTable {
  id: string;
  workspaceId: string;
  /** What it receives: reports of incidents, or events. */
  topic: "alert" | "event";
  kind: "telegram" | "slack" | "webhook";
  name: string;
  /** Sealed. */
  target: string;
  /** The target as it is shown, masked. */
  label: string;
  /** JSON object, defined by the topic. */
  settings: string;
  failuresInRow: number;
  pausedAt: number | null;
  pausedBecause: "requested" | "failures" | "key_ended" | null;
  /** The API key that owns it; null: the workspace. */
  createdBy: string | null;
  createdAt: number;
  updatedAt: number;
}

/** Opened and closed with the change that causes it, or by cron (alerts/incident-changes.ts). */
export interface IncidentTable {
  id: string;
  workspaceId: string;
  /** A session's id, or a channel's. */
  subject: string;
  kind: IncidentKind;
  reason: string | null;
  openedAt: number;
  /** When it last opened. */
  since: number;
  closedAt: number | null;
  ending: "recovered" | "superseded" | "withdrawn" | null;
  /** When it closes by itself. */
  until: number | null;
  times: number;
  changedAt: number;
}

/** One message to one endpoint. */
export interface DeliveryTable {
  id: string;
  workspaceId: string;
  endpointId: string;
  /** The incident or the event that it reports; null for a test and for a digest. */
  subjectId: string | null;
  /** `test`; `opened`, `reopened` or `closed` of an incident; the type of an event. */
  type: string;
  /** How often its incident had begun; for a digest, how many incidents it reports; for an event 1. */
  times: number;
  /** JSON of the incident as it was when the delivery was stored. */
  content: string;
  /** `in_digest`: another delivery reports it. */
  status: "queued" | "delivered" | "failed" | "in_digest";
  /** The delivery that reports it together with others. */
  digestId: string | null;
  attempts: number;
  lastStatus: number | null;
  error: DeliveryError | null;
  claimUntil: number;
  deliveredAt: number | null;
  createdAt: number;
}
