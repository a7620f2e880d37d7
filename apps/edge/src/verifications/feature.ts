import type { Feature } from "../feature.ts";
import { checkOperations } from "./check-routes.ts";
import { verificationOperations } from "./routes.ts";
import { sweepVerifications } from "./sweeps.ts";

export const verifications: Feature = {
  tag: { name: "Verifications", description: "Codes to numbers, and what users typed." },
  notFound: "verification-not-found",
  operations: [...verificationOperations, ...checkOperations],
  sweeps: sweepVerifications,
};
