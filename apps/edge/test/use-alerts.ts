import { afterEach, beforeEach } from "vitest";
import { type Alerts, startAlerts } from "./alerts-world.ts";

/** Starts an edge with alerts before each test of the file, and closes it after the test and the file's own hooks. */
export function useAlerts(take: (world: Alerts) => void): void {
  let world: Alerts;
  beforeEach(async () => {
    world = await startAlerts();
    take(world);
  });
  afterEach(async () => {
    await world.edge.settled();
    world.edge.close();
  });
}
