import type { Services } from "../services.ts";
import { findKeysOfMembers } from "../store/member-keys.ts";
import { announceMember, findFleet, type Fleet, forgetMember } from "../store/members.ts";
import type { Store } from "../store/store.ts";
import type { Addresses } from "./addresses.ts";
import type { SharedKeys } from "./shared-keys.ts";

/** This connector's membership in the fleet: the connectors that share its database. */
export interface Membership {
  /** Announces this connector for one more lease, deletes expired members, and returns the fleet. */
  announce(isDraining: boolean): Promise<Fleet>;
  read(): Promise<Fleet>;
  leave(): Promise<void>;
}

interface Options {
  services: Pick<Services, "now">;
  store: Store;
  addresses: Addresses;
  keys: Pick<SharedKeys, "kids" | "agree">;
  /** The machine, and this run of it. */
  owner: string;
  run: string;
  /** Its address for the other connectors. */
  url: string;
  capacity: number;
  leaseMs: number;
}

export function createMembership({ services, store, addresses, keys, leaseMs, url, ...self }: Options): Membership {
  /** A member whose address does not open does not belong to this fleet. */
  async function read(): Promise<Fleet> {
    const { members, sessions } = await findFleet(store, services.now());
    const known = members.flatMap((member) => {
      const opened = addresses.open(member.run, member.url);
      return opened === null ? [] : [{ ...member, url: opened }];
    });
    return { members: known, sessions };
  }

  return {
    read,
    async announce(isDraining) {
      const now = services.now();
      keys.agree((await findKeysOfMembers(store, now)).filter(({ run }) => run !== self.run));
      const at = now.getTime();
      // One lease later than they expire, because their clocks may differ from ours.
      const forgetBefore = new Date(at - leaseMs);
      const until = new Date(at + leaseMs);
      const sealed = addresses.seal(self.run, url, until);
      await announceMember(store, { ...self, url: sealed, isDraining, kids: keys.kids() }, { until, forgetBefore });
      return read();
    },
    leave: () => forgetMember(store, self.run),
  };
}
