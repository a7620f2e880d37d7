import type { Feature } from "../feature.ts";
import { deliveryJobs } from "./delivery.ts";
import { deliverRoute } from "./route.ts";
import { sweepDeliveries } from "./sweeps.ts";
import type { Topic } from "./topic.ts";

/** The engine that sends deliveries to endpoints outside, for the features that have something to send. */
export const outbound = (topics: readonly Topic[]): Feature => ({
  routes: deliverRoute(topics),
  jobs: [deliveryJobs],
  sweeps: (services) => sweepDeliveries(services, topics),
});
