import type { Feature } from "../feature.ts";
import { historyOperations } from "./history-routes.ts";
import { sessionJobs } from "./jobs.ts";
import { qrPage } from "./qr-page.ts";
import { sessionOperations } from "./routes.ts";
import { sweepSessions } from "./sweeps.ts";

export const sessions: Feature = {
  tag: { name: "Sessions", description: "The WhatsApp accounts that send." },
  notFound: "session-not-found",
  operations: [...sessionOperations, ...historyOperations],
  routes: qrPage,
  jobs: [sessionJobs],
  sweeps: sweepSessions,
};
