import type { Feature } from "../feature.ts";
import { sweepAlerts } from "./cron.ts";
import { alertDeliveries } from "./deliver-route.ts";
import { incidentOperations } from "./incident-routes.ts";
import { alertJobs } from "./jobs.ts";
import { channelOperations } from "./routes.ts";

export const alerts: Feature = {
  tag: { name: "Alerts", description: "What is wrong with sessions, told where you look." },
  notFound: "alert-channel-not-found",
  operations: [...channelOperations, ...incidentOperations],
  routes: alertDeliveries,
  jobs: [alertJobs],
  sweeps: sweepAlerts,
};
