import type { StatsSnapshot } from "./stats.ts";
import type { World } from "./world.ts";

/** The counters, and what is open right now. */
export function snapshot(world: World, startedAt: number): StatsSnapshot {
  let loggedIn = 0;
  let waitingToPair = 0;
  for (const connection of world.connections) {
    if (connection.device) loggedIn++;
    if (connection.offer) waitingToPair++;
  }
  let queued = 0;
  let devicesWithTwoOwners = 0;
  let maxConcurrentSockets = 0;
  for (const phone of world.phones) {
    queued += phone.pending.length;
    for (const device of phone.devices.values()) {
      queued += device.mailbox.size;
      if (device.maxConcurrentSockets > 1) devicesWithTwoOwners++;
      maxConcurrentSockets = Math.max(maxConcurrentSockets, device.maxConcurrentSockets);
    }
  }
  return {
    ...world.counters,
    limitQueries: { ...world.counters.limitQueries },
    unknownIqs: { ...world.counters.unknownIqs },
    uptimeMs: world.now() - startedAt,
    phones: world.phones.size,
    sockets: { open: world.connections.size, loggedIn, waitingToPair },
    devicesWithTwoOwners,
    maxConcurrentSockets,
    queued,
  };
}
