import { capStanding, lockStanding } from "../../account/standing.ts";
import type { Phone } from "../../phone/phone.ts";
import { child, node } from "../../wire/nodes.ts";
import type { World } from "../../world.ts";
import type { Question } from "./question.ts";

/** `w:mex`: whether the account may open new chats, and how many. */
export function answerMex({ world, connection: { phone }, iq, reply }: Question): void {
  const data = phone && dataOf(world, phone, child(iq, "query")?.attrs["query_id"]);
  const fault = data && world.faults.take("limits-error", phone.number);
  const body = fault ? faulty(data, fault.empty) : data ? { data } : errors(400, "unknown query");
  reply([node("result", {}, Buffer.from(JSON.stringify(body)))]);
}

function dataOf(world: World, phone: Phone, query: string | undefined): object | undefined {
  const { limitQueries } = world.counters;
  switch (query) {
    case "23983697327930364":
      limitQueries.lock++;
      return { xwa2_fetch_account_reachout_timelock: lockStanding(world, phone) };
    case "24503548349331633":
      limitQueries.cap++;
      return { xwa2_message_capping_info: capStanding(world, phone) };
    default:
      return undefined;
  }
}

function faulty(data: object, isEmpty: boolean | undefined) {
  if (!isEmpty) return errors(500, "internal error");
  return { data: Object.fromEntries(Object.keys(data).map((key) => [key, null])) };
}

const errors = (code: number, message: string) => ({ errors: [{ message, extensions: { error_code: code } }] });
