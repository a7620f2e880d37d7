import type { Services } from "../services.ts";
import { announceMember, findFleet, type Fleet, forgetMember } from "../store/members.ts";
import type { Store } from "../store/store.ts";

/** This connector among those that share its database. */
export interface Membership {
  /** Says for another lease that this one is alive, forgets those that are not, and answers who is. */
  announce(isDraining: boolean): Promise<Fleet>;
  look(): Promise<Fleet>;
  leave(): Promise<void>;
}

interface Options {
  services: Pick<Services, "now">;
  store: Store;
  /** The machine, and this run of it. */
  owner: string;
  run: string;
  /** Where the others reach it. */
  url: string;
  capacity: number;
  leaseMs: number;
}

export function createMembership({ services, store, leaseMs, ...self }: Options): Membership {
  const look = () => findFleet(store, services.now());
  return {
    look,
    async announce(isDraining) {
      const at = services.now().getTime();
      // A lease later, for their clocks may differ from ours.
      const forgetBefore = new Date(at - leaseMs);
      await announceMember(store, { ...self, isDraining }, { until: new Date(at + leaseMs), forgetBefore });
      return look();
    },
    leave: () => forgetMember(store, self.run),
  };
}
