import { z } from "zod";
import { PoolId } from "../ids.ts";
import { Pacing } from "../internal/jobs.ts";
import { plainName, Timestamp } from "./common.ts";
import { examples } from "./examples.ts";

/** How a pool chooses among the senders that can send. */
export const PoolStrategy = z.enum(["sticky", "least_loaded", "round_robin"]).meta({
  description:
    "How the pool chooses among the senders that can send. `sticky`: the sender that this recipient last got a message from or wrote to. `least_loaded`: the sender with the shortest queue. `round_robin`: each sender in turn.",
});
export type PoolStrategy = z.infer<typeof PoolStrategy>;

/** What happens to a code when no sender of the pool may open a chat with its recipient. */
export const PoolFallback = z.enum(["inbound", "fail"]).meta({
  description:
    "What happens when no sender of the pool may open a chat with a stranger. `inbound`: the user is asked to write to us, as in the mode `inbound`, if the policy allows that mode. `fail`: the request is refused, or a queued message fails.",
});
export type PoolFallback = z.infer<typeof PoolFallback>;

/** How many strangers a sender may write to in a day, in addition to WhatsApp's own limit. */
export const NewChatsPerDay = z
  .union([z.literal("warm_up"), z.int().min(1).max(100_000)])
  .nullable()
  .meta({
    description:
      "How many people each sender may write to for the first time within 24 hours. Further recipients go to the next sender; if none is left, the fallback applies. `warm_up`: 10, 20, 40, then 80, by the days since the account was linked. Null: as many as WhatsApp allows. Sandi never uses the last fifth of a cap that WhatsApp reports.",
  });
export type NewChatsPerDay = z.infer<typeof NewChatsPerDay>;

const Name = plainName("Yours to choose; unique in the workspace.", "Indonesia");

export const CreatePool = z
  .strictObject({
    name: Name,
    strategy: PoolStrategy.default("sticky"),
    pacing: Pacing.default("normal"),
    fallback: PoolFallback.default("inbound"),
    newChatsPerDay: NewChatsPerDay.default(null),
  })
  .meta({ id: "CreatePool" });
export type CreatePool = z.infer<typeof CreatePool>;

export const ChangePool = z
  .strictObject({
    name: Name.optional(),
    strategy: PoolStrategy.optional(),
    pacing: Pacing.optional(),
    fallback: PoolFallback.optional(),
    newChatsPerDay: NewChatsPerDay.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, "must change something")
  .meta({ id: "ChangePool", description: "Fields that are left out do not change." });
export type ChangePool = z.infer<typeof ChangePool>;

export const Pool = z
  .object({
    id: PoolId,
    name: z.string().max(64),
    isDefault: z
      .boolean()
      .meta({ description: "The pool for requests that name neither a session nor a pool. It cannot be deleted." }),
    strategy: PoolStrategy,
    pacing: Pacing,
    fallback: PoolFallback,
    newChatsPerDay: NewChatsPerDay,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: "Pool", description: "Sessions that replace each other.", example: examples.pool });
export type Pool = z.infer<typeof Pool>;

export const PoolList = z.object({ pools: z.array(Pool).max(100) }).meta({ id: "PoolList" });
