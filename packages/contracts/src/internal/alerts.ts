import { z } from "zod";
import { AlertDeliveryId } from "../ids.ts";

/** `POST {edge}/internal/alerts/deliver`, through QStash: the delivery that is due. Its address and content stay at the edge. */
export const AlertJob = z.strictObject({ deliveryId: AlertDeliveryId });
export type AlertJob = z.infer<typeof AlertJob>;

export const alertPath = "/internal/alerts/deliver";
