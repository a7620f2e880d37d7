import { describe, expect, it } from "vitest";
import { linked, newWorld, pause, sender } from "./support/world.ts";

// Baileys gives a line up 5 s after its keep-alive interval; the three wait at the same time.
describe("keep-alive", () => {
  it.concurrent.each(["no-pong", "silence"] as const)("closes with 408 under the fault %s", async (kind) => {
    const simulator = await newWorld();
    const session = await linked(simulator, sender, { keepAliveIntervalMs: 100, defaultQueryTimeoutMs: 2000 });
    simulator.setFault({ kind, number: sender });
    expect(await session.closed).toMatchObject({ code: 408 });
  });

  it.concurrent("answers pings, so that an idle line stays open", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator, sender, { keepAliveIntervalMs: 100 });
    await pause(5600);
    expect(simulator.phone(sender).devices).toMatchObject([{ connected: true }]);
    expect(session.complaints).toEqual([]);
  });
});
