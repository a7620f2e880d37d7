import type { MexQueries } from "../server/iq/question.ts";
import { capStanding, lockStanding } from "./standing.ts";

/** The `w:mex` queries of an account: whether it may open new chats, and how many. */
export const accountQueries: MexQueries = {
  "23983697327930364": (world, phone) => {
    world.counters.limitQueries.lock++;
    return { xwa2_fetch_account_reachout_timelock: lockStanding(world, phone) };
  },
  "24503548349331633": (world, phone) => {
    world.counters.limitQueries.cap++;
    return { xwa2_message_capping_info: capStanding(world, phone) };
  },
};
