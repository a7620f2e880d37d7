import type { CompiledQuery, RawBuilder } from "kysely";
import type { Db } from "../db/schema.ts";
import type { DeliveryTable, EndpointTable } from "../db/tables/deliveries.ts";
import type { Services } from "../services.ts";
import type { NewDeliveries } from "./delivery.ts";

/** What an endpoint is sent: text for people, and data for a program. */
export interface Message {
  /** A past fact with a dot, such as `incident.opened`. */
  type: string;
  text: string;
  data: object;
}

/** A delivery that this request sends. */
export type Claimed = Pick<DeliveryTable, "id" | "workspaceId" | "endpointId" | "subjectId" | "type" | "content"> &
  Pick<EndpointTable, "topic" | "target">;

/** What one feature sends to endpoints. */
export interface Topic {
  name: EndpointTable["topic"];
  /** Makes the message of a delivery when it is sent; of the type `test` as well. */
  compose: (services: Services, delivery: Claimed) => Message | Promise<Message>;
  /** Statements of the batch that counts a failure of an endpoint, of any topic. The failure may have paused it. */
  onFailure?: (
    db: Db,
    failed: { endpointId: string; at: number },
  ) => { changes: CompiledQuery[]; reports: NewDeliveries };
  /** True in SQL of an old `delivery` that is still needed. */
  isKept?: RawBuilder<boolean>;
}
