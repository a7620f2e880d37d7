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
  pausedBecause: "requested" | "failures" | "key_ended" | "gone" | null;
  /** The API key that owns it; null: the workspace. */
  createdBy: string | null;
  createdAt: number;
  updatedAt: number;
  /** Gets the events of the sandbox, and no others. */
  test: 0 | 1;
  /** Events of one session are delivered in their order, one at a time. */
  isOrdered: 0 | 1;
  /** Events up to this one are not delivered, except by a replay. */
  fromSeq: number;
  /** When the first attempt failed since the last success. */
  failingSince: number | null;
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
  /** `event.seq` of the event that it reports. */
  eventSeq: number | null;
  /** Of an endpoint with order: the session, or an empty text for events without one. */
  lane: string | null;
  /** Failed attempts since it was queued. A retry by hand begins at 0 again. */
  failures: number;
  nextAttemptAt: number;
  /** Repeated by hand or by a replay: outside the order, with a header that says so. */
  isReplay: 0 | 1;
}

/** One request to an endpoint. */
export interface DeliveryAttemptTable {
  deliveryId: string;
  /** 1 is the first. */
  number: number;
  at: number;
  durationMs: number;
  /** Null: no answer. */
  status: number | null;
  error: DeliveryError | null;
  /** The beginning of the answer's body, sealed; null: it was empty, or it was erased. */
  answer: string | null;
}

/** Counts of an endpoint's attempts by hour. */
export interface EndpointHourTable {
  endpointId: string;
  /** Start of the hour. */
  hour: number;
  outcome: "delivered" | DeliveryError;
  /** Lower bound of the time that the answer took, in milliseconds; one of `latency_bucket`. */
  bucket: number;
  count: number;
}

/** Events that are delivered to an endpoint again. */
export interface ReplayTable {
  id: string;
  workspaceId: string;
  endpointId: string;
  /** How far it has come: events up to this one are queued. */
  afterSeq: number;
  untilSeq: number;
  /** JSON: which events. */
  settings: string;
  /** How many deliveries it has queued. */
  count: number;
  /** When it needs work next; null: it has finished. */
  dueAt: number | null;
  createdAt: number;
  finishedAt: number | null;
}

/** Up to which event the deliveries of a workspace are stored. Workspaces without endpoints for events have no row. */
export interface WebhookPositionTable {
  workspaceId: string;
  seq: number;
}
