import { afterEach, beforeEach } from "vitest";
import type { Services } from "../../src/services.ts";
import { type Rig, startRig } from "./rig.ts";

export const own = "+6281200000001";
export const user = "+6281300000002";
export const other = "+6281300000003";

/** Before each test of the file, starts a rig with a session of `own`, and the phones of others. */
export function useLinkedSession(
  take: (started: { rig: Rig; sessionId: string }) => void,
  { services = {}, others = [user, other] }: { services?: Partial<Services>; others?: string[] } = {},
): void {
  let rig: Rig;
  beforeEach(async () => {
    rig = await startRig({ services: { chance: () => 0, ...services } });
    const sessionId = await rig.pair(own);
    for (const number of others) rig.simulator.createPhone({ number });
    take({ rig, sessionId });
  });
  afterEach(() => rig.close());
}
