import { accountQueries } from "../../account/queries.ts";
import { child, node } from "../../wire/nodes.ts";
import type { MexQueries, Question } from "./question.ts";

/** Each room brings its own queries. */
const queries: MexQueries = { ...accountQueries };

/** `w:mex`: a GraphQL query that the client names by its id. */
export function answerMex({ world, connection: { phone }, iq, reply }: Question): void {
  const query = queries[child(iq, "query")?.attrs["query_id"] ?? ""];
  const data = phone && query?.(world, phone);
  const fault = data && world.faults.take("limits-error", phone.number);
  const body = fault ? faulty(data, fault.empty) : data ? { data } : errors(400, "unknown query");
  reply([node("result", {}, Buffer.from(JSON.stringify(body)))]);
}

function faulty(data: object, isEmpty: boolean | undefined) {
  if (!isEmpty) return errors(500, "internal error");
  return { data: Object.fromEntries(Object.keys(data).map((key) => [key, null])) };
}

const errors = (code: number, message: string) => ({ errors: [{ message, extensions: { error_code: code } }] });
