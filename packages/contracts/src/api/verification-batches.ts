import { z } from "zod";
import { Problem } from "../problem.ts";
import { CreateVerification, Verification } from "./verifications.ts";

export const CreateVerifications = z
  .strictObject({ verifications: z.array(CreateVerification).min(1).max(500) })
  .meta({ id: "CreateVerifications", description: "Up to 500 verifications. Each has its own result." });

export const VerificationResult = z
  .object({
    status: z
      .int()
      .min(200)
      .max(599)
      .meta({ description: "The HTTP status that a single request would have.", example: 202 }),
    verification: Verification.optional(),
    problem: Problem.optional(),
  })
  .meta({ id: "VerificationResult" });

export type VerificationResult = z.infer<typeof VerificationResult>;

export const VerificationResults = z
  .object({ results: z.array(VerificationResult).max(500) })
  .meta({ id: "VerificationResults", description: "In the order of the request." });
