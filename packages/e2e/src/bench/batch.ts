import { parseArgs } from "node:util";
import type { Batch } from "@sandi/contracts";
import { eventually, startTestStack, type TestStack } from "../harness.ts";
import { latencies, loadAverage, percentile, print } from "./figures.ts";

/** Codes are sent one after the other to these phones. */
const phonesOfCodes = 8;

/** Codes begin when this share of the batch is sent. */
const begunShare = 0.1;

/** Measures how long a code takes, from the request to the phone: alone, and in the middle of a batch. */
export async function benchBatch(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { recipients: { type: "string", default: "1000" }, codes: { type: "string", default: "40" } },
  });
  const [recipients, codes] = [Number(values.recipients), Number(values.codes)];
  print(`load average ${loadAverage()} before`);
  // Every recipient is a number that the session does not know.
  const lookUps = String(10 * (recipients + phonesOfCodes));
  const stack = await startTestStack({
    connectorEnv: () => ({ LOG_LEVEL: "warn", LOOKUPS_PER_HOUR: lookUps, LOOKUPS_PER_DAY: lookUps }),
  });
  try {
    const people = Array.from({ length: recipients }, (_, i) => `+62813001${String(i).padStart(5, "0")}`);
    const phones = Array.from({ length: phonesOfCodes }, (_, i) => `+62813002${String(i).padStart(5, "0")}`);
    for (const number of [...people, ...phones]) await stack.addPhone(number);
    await measure(stack, phones, { label: "warm", codes: phonesOfCodes });
    const alone = await measure(stack, phones, { label: "alone", codes });
    const startedAt = performance.now();
    const { status, body } = await stack.api<Batch>("POST /v1/batches", {
      message: { type: "text", text: "Hello {{name}}" },
      recipients: people.map((to, i) => ({ to, variables: { name: `Budi ${i}` } })),
    });
    if (status !== 202) throw new Error(`POST /v1/batches: ${status} ${JSON.stringify(body)}`);
    const acceptedMs = performance.now() - startedAt;
    const see = async () => (await stack.api<Batch>(`GET /v1/batches/${body.id}`)).body;
    const until = (what: string, holds: (batch: Batch) => boolean) =>
      eventually(
        what,
        async () => {
          const batch = await see();
          return holds(batch) && batch;
        },
        withinMs,
      );
    const before = await until("the batch to be under way", (batch) => sentOf(batch) >= recipients * begunShare);
    const beside = await measure(stack, phones, { label: "beside", codes });
    const after = await see();
    const ended = await until("every message of the batch to be sent", isSent);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    if (sentOf(ended) !== recipients) throw new Error(`${sentOf(ended)} of ${recipients} messages were sent`);
    print(`a batch of ${recipients}   accepted in ${acceptedMs.toFixed(0)} ms, sent in ${seconds} s`);
    print(`counts           ${JSON.stringify(ended.counts)}`);
    print(`codes alone      ${latencies(alone)}`);
    print(
      `codes beside it  ${latencies(beside)}, while it went from ${sentOf(before)} to ${sentOf(after)} sent messages`,
    );
    print(`beside / alone   ${ratio(beside, alone, 0.5)} at p50, ${ratio(beside, alone, 0.95)} at p95`);
    print(`load average ${loadAverage()} after`);
  } finally {
    await stack.destroy();
  }
}

/** Longer than 1,000 messages last on a busy machine. */
const withinMs = 600_000;

const sentOf = ({ counts }: Batch) => counts.sent + counts.delivered + counts.read + counts.played;
const ratio = (of: number[], to: number[], share: number) => (percentile(of, share) / percentile(to, share)).toFixed(2);

const isSent = ({ counts }: Batch) => counts.waiting + counts.queued + counts.sending === 0;

/** Milliseconds of each code, one after the other. */
async function measure(
  stack: TestStack,
  phones: readonly string[],
  { label, codes }: { label: string; codes: number },
) {
  const taken: number[] = [];
  for (let i = 0; i < codes; i++) {
    const startedAt = performance.now();
    await stack.sendCode(phones[i % phones.length], { purpose: `${label}-${i}` });
    taken.push(performance.now() - startedAt);
  }
  return taken;
}
