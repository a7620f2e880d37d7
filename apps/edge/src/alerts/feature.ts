import type { Feature } from "../feature.ts";
import { sweepIncidents } from "./cron.ts";
import { incidentOperations } from "./incident-routes.ts";
import { channelOperations } from "./routes.ts";
import { alertTopic } from "./topic.ts";

export const alerts: Feature = {
  tag: { name: "Alerts", description: "Incidents of your sessions, and the channels that report them." },
  notFound: "alert-channel-not-found",
  operations: [...channelOperations, ...incidentOperations],
  topics: [alertTopic],
  sweeps: sweepIncidents,
};
