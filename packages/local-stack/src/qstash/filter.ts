import type { Spec } from "./message.ts";

/** The fields by which messages, events and dead letters are filtered. */
export interface Facts {
  id: string;
  at: number;
  spec: Spec;
}

type Test = (facts: Facts) => boolean;

const fields: Record<string, (facts: Facts) => (string | undefined)[]> = {
  messageId: ({ id }) => [id],
  messageIds: ({ id }) => [id],
  url: ({ spec }) => [spec.url],
  host: ({ spec }) => [new URL(spec.url).host, new URL(spec.url).hostname],
  path: ({ spec }) => [new URL(spec.url).pathname],
  queueName: ({ spec }) => [spec.queueName],
  scheduleId: ({ spec }) => [spec.scheduleId],
  flowControlKey: ({ spec }) => [spec.flowControl?.key],
  label: ({ spec }) => spec.labels,
  callerIp: ({ spec }) => [spec.callerIp],
};

/** Makes a filter from a query string. Of several values of one field any must match; of several fields all must match. */
export function parseFilter(query: URLSearchParams): Test {
  const tests: Test[] = [];
  for (const name of new Set(query.keys())) {
    const read = fields[name];
    if (!read) continue;
    const wanted = new Set(query.getAll(name));
    tests.push((facts) => read(facts).some((value) => value !== undefined && wanted.has(value)));
  }
  const [from, to] = [query.get("fromDate"), query.get("toDate")];
  if (from) tests.push(({ at }) => at >= Number(from));
  if (to) tests.push(({ at }) => at <= Number(to));
  return (facts) => tests.every((test) => test(facts));
}
