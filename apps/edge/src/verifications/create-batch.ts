import { AppError, type CreateVerification, type VerificationResult } from "@sandi/contracts";
import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { itemOf, repetitionOf } from "../http/idempotency.ts";
import { problemOf } from "../http/problems.ts";
import { createVerifications } from "./create-verifications.ts";

/** Creates each, and says of each what a request of its own would have been answered. */
export async function createBatch(c: Context<AppEnv>, bodies: readonly CreateVerification[]) {
  const whole = await repetitionOf(c);
  const inputs = await Promise.all(
    bodies.map(async (body, i) => ({ body, repetition: whole && (await itemOf(whole, i)) })),
  );
  const outcomes = await createVerifications(c.var.ctx, inputs);
  if (outcomes.every(isOfAnother)) throw new AppError("idempotency-key-reused");
  const results = outcomes.map((outcome): VerificationResult => {
    if (!(outcome instanceof Error)) return { status: 202, verification: outcome.resource };
    const problem = problemOf(c, outcome);
    return { status: problem.status, problem };
  });
  return { results, replayed: outcomes.every((outcome) => !(outcome instanceof Error) && outcome.replayed) };
}

const isOfAnother = (outcome: unknown) => outcome instanceof AppError && outcome.code === "idempotency-key-reused";
