import type { CompiledQuery, RawBuilder } from "kysely";
import type { Db } from "../db/schema.ts";
import type { DeliveryTable, EndpointTable } from "../db/tables/deliveries.ts";
import type { Services } from "../services.ts";
import type { NewDeliveries } from "./delivery.ts";
import type { Failure } from "./outcome.ts";

/** What an endpoint is sent: text for people, and data for a program. */
export interface Message {
  /** A past fact with a dot, such as `incident.opened`. */
  type: string;
  text: string;
  data: object;
  /** The body for a webhook. If left out: an object of the type, the time and the data. */
  body?: object;
  /** The header `webhook-id`. If left out: the delivery's id. */
  id?: string;
}

/** A delivery that this request sends. */
export type Claimed = Pick<
  DeliveryTable,
  | "id"
  | "workspaceId"
  | "endpointId"
  | "subjectId"
  | "type"
  | "content"
  | "attempts"
  | "failures"
  | "eventSeq"
  | "lane"
  | "isReplay"
> &
  Pick<EndpointTable, "topic" | "target">;

/** What becomes of an endpoint when an attempt failed. */
export interface Pause {
  because: NonNullable<EndpointTable["pausedBecause"]>;
  /** True in SQL of the `endpoint`, with the failure counted. */
  when: RawBuilder<boolean>;
}

/** An endpoint with a failed attempt, which may have paused it. */
export interface FailedEndpoint {
  endpointId: string;
  because: Pause["because"];
  at: number;
}

/** What one feature sends to endpoints. */
export interface Topic {
  name: EndpointTable["topic"];
  /** Makes the message of a delivery when it is sent; of the type `test` as well. Undefined: there is nothing to tell. */
  compose: (services: Services, delivery: Claimed) => Message | undefined | Promise<Message | undefined>;
  /** How long the next attempt waits, in milliseconds; undefined: there is none. `failures` counts this one. */
  waitAfter: (failure: Failure, failures: number) => number | undefined;
  /** Its attempts are kept in the log, and counted by hour. */
  isLogged?: true;
  /** True for a failure that says nothing about the endpoint. */
  isExcused?: (failure: Failure) => boolean;
  /** When the failure pauses its endpoint. */
  pauseAfter: (failure: Failure, at: number) => Pause;
  /** Statements of the batch that counts a failure of an endpoint, of any topic. The failure may have paused it. */
  onFailure?: (db: Db, failed: FailedEndpoint) => { changes: CompiledQuery[]; reports: NewDeliveries };
  /** True in SQL of an old `delivery` that is still needed. */
  isKept?: RawBuilder<boolean>;
}
