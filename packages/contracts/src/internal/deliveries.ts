import { z } from "zod";
import { DeliveryId } from "../ids.ts";

/** `POST {edge}/internal/deliver`, through QStash: the delivery that is due. Its address and content stay at the edge. */
export const DeliveryJob = z.strictObject({ deliveryId: DeliveryId });
export type DeliveryJob = z.infer<typeof DeliveryJob>;

export const deliverPath = "/internal/deliver";
