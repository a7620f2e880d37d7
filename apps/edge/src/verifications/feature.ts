import type { Feature } from "../feature.ts";
import { checkOperations } from "./check-routes.ts";
import { verificationOperations } from "./routes.ts";
import { sweepVerifications } from "./sweeps.ts";

export const verifications: Feature = {
  tag: { name: "Verifications", description: "Send codes to numbers, and check what users typed." },
  notFound: "verification-not-found",
  operations: [...verificationOperations, ...checkOperations],
  sweeps: sweepVerifications,
};
