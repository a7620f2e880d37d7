import { z } from "zod";
import { BatchId, DeliveryId, ErasureId, ReplayId } from "../ids.ts";

/** `POST {edge}/internal/deliver`, through QStash: the delivery that is due. Its address and content stay at the edge. */
export const DeliveryJob = z.strictObject({ deliveryId: DeliveryId });
export type DeliveryJob = z.infer<typeof DeliveryJob>;

/** `POST {edge}/internal/batches/expand`, through QStash: makes the next messages of a batch. */
export const BatchJob = z.strictObject({ batchId: BatchId });
export type BatchJob = z.infer<typeof BatchJob>;

export const expandPath = "/internal/batches/expand";

/** `POST {edge}/internal/erasures/advance`, through QStash: does the next work of an erasure. */
export const ErasureJob = z.strictObject({ erasureId: ErasureId });
export type ErasureJob = z.infer<typeof ErasureJob>;

export const erasePath = "/internal/erasures/advance";

/** `POST {edge}/internal/replays/advance`, through QStash: queues the next events of a replay. */
export const ReplayJob = z.strictObject({ replayId: ReplayId });
export type ReplayJob = z.infer<typeof ReplayJob>;

export const replayPath = "/internal/replays/advance";

export const deliverPath = "/internal/deliver";
