import { z } from "zod";
import { PoolId } from "../ids.ts";
import { Pacing } from "../internal/jobs.ts";
import { plainName, Timestamp } from "./common.ts";
import { examples } from "./examples.ts";

/** How a pool chooses among senders that are equally able to send. */
export const PoolStrategy = z.enum(["sticky", "least_loaded", "round_robin"]).meta({
  description:
    "Among the senders that can: `sticky`: the one that this recipient last heard from or wrote to. `least_loaded`: the one with the least waiting. `round_robin`: each in its turn.",
});
export type PoolStrategy = z.infer<typeof PoolStrategy>;

/** What becomes of a code that no sender of the pool may open a chat for. */
export const PoolFallback = z.enum(["inbound", "fail"]).meta({
  description:
    "When no sender of the pool may open a chat with a stranger. `inbound`: the user is asked to write to us, as in the mode `inbound`, where the policy allows that mode. `fail`: it is refused, or has failed.",
});
export type PoolFallback = z.infer<typeof PoolFallback>;

/** How many strangers a sender writes to in a day, beside what WhatsApp lets it. */
export const NewChatsPerDay = z
  .union([z.literal("warm_up"), z.int().min(1).max(100_000)])
  .nullable()
  .meta({
    description:
      "How many people each sender may write to for the first time within 24 hours; those beyond go to the next sender, then the fallback applies. `warm_up`: 10, 20, 40, then 80, by the days since the account was linked. Null: as many as WhatsApp allows. Of a cap that WhatsApp tells, a fifth is never used.",
  });
export type NewChatsPerDay = z.infer<typeof NewChatsPerDay>;

const Name = plainName("Yours to choose, once in a workspace.", "Indonesia");

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
  .meta({ id: "ChangePool", description: "What is left out stays as it is." });
export type ChangePool = z.infer<typeof ChangePool>;

export const Pool = z
  .object({
    id: PoolId,
    name: z.string().max(64),
    isDefault: z
      .boolean()
      .meta({ description: "Sends what names neither a session nor a pool; it cannot be deleted." }),
    strategy: PoolStrategy,
    pacing: Pacing,
    fallback: PoolFallback,
    newChatsPerDay: NewChatsPerDay,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: "Pool", description: "Sessions that stand in for each other.", example: examples.pool });
export type Pool = z.infer<typeof Pool>;

export const PoolList = z.object({ pools: z.array(Pool).max(100) }).meta({ id: "PoolList" });
