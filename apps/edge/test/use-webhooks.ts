import { afterEach, beforeEach } from "vitest";
import { startWebhooks, type Webhooks } from "./webhooks-world.ts";

/** Starts an edge with webhooks before each test of the file, and closes it after the test and the file's own hooks. */
export function useWebhooks(take: (world: Webhooks) => void): void {
  let world: Webhooks;
  beforeEach(async () => {
    world = await startWebhooks();
    take(world);
  });
  afterEach(async () => {
    await world.edge.settled();
    world.edge.close();
  });
}
