import { parseArgs } from "node:util";
import type { Batch } from "@sandi/contracts";
import { eventually, startTestStack, type TestStack } from "../harness.ts";
import { latencies, loadAverage, print } from "./figures.ts";

/** Codes are sent one after the other to these phones. */
const phonesOfCodes = 8;

/** Measures how long a code takes, from the request to the phone: alone, and while a batch is made and sent. */
export async function benchBatch(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { recipients: { type: "string", default: "1000" }, codes: { type: "string", default: "40" } },
  });
  const [recipients, codes] = [Number(values.recipients), Number(values.codes)];
  print(`load average ${loadAverage()} before`);
  const stack = await startTestStack({ connectorEnv: () => ({ LOG_LEVEL: "warn" }) });
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
    const beside = await measure(stack, phones, { label: "beside", codes });
    const codesEndedMs = performance.now() - startedAt;
    const sent = await eventually(
      "every message of the batch to be sent",
      async () => {
        const seen = (await stack.api<Batch>(`GET /v1/batches/${body.id}`)).body;
        return isSent(seen) && seen;
      },
      1_800_000,
    );
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    print(`a batch of ${recipients}   accepted in ${acceptedMs.toFixed(0)} ms, sent in ${seconds} s`);
    print(`counts           ${JSON.stringify(sent.counts)}`);
    print(`codes alone      ${latencies(alone)}`);
    print(`codes beside it  ${latencies(beside)}, all within ${(codesEndedMs / 1000).toFixed(1)} s of its creation`);
    print(`load average ${loadAverage()} after`);
  } finally {
    await stack.destroy();
  }
}

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
