import { AppError, type CreateVerification, type VerificationResult } from "@sandi/contracts";
import type { Context } from "../context.ts";
import { type Accepted, itemOf, type IdempotencyKey } from "../http/idempotency/create.ts";
import { problemOf } from "../http/problems.ts";
import { createVerifications } from "./create-verifications.ts";

interface Input {
  bodies: readonly CreateVerification[];
  idempotencyKey: IdempotencyKey | undefined;
}

/** Creates each verification. Each result has the answer that a single request would get. */
export async function createBatch(
  ctx: Context,
  { bodies, idempotencyKey }: Input,
): Promise<Accepted<{ results: VerificationResult[] }>> {
  const inputs = await Promise.all(
    bodies.map(async (body, i) => ({ body, idempotencyKey: idempotencyKey && (await itemOf(idempotencyKey, i)) })),
  );
  const outcomes = await createVerifications(ctx, inputs);
  if (outcomes.every(isOfAnother)) throw new AppError("idempotency-key-reused");
  const results = outcomes.map((outcome): VerificationResult => {
    if (!(outcome instanceof Error)) return { status: 202, verification: outcome.resource };
    const problem = problemOf(ctx, outcome);
    return { status: problem.status, problem };
  });
  const replayed = outcomes.every((outcome) => !(outcome instanceof Error) && outcome.replayed);
  return { resource: { results }, replayed };
}

const isOfAnother = (outcome: unknown) => outcome instanceof AppError && outcome.code === "idempotency-key-reused";
