import type { NodeAtRest } from "@sandi/crypto/node";
import { sealedColumn } from "../store/sealed-column.ts";

/** Seals the connectors' addresses for the shared database, so that nobody who can only write there can redirect calls. */
export interface Addresses {
  seal(run: string, url: string, until: Date): string;
  /** Null for an address that was not sealed for this run with our keys, or that has expired. */
  open(run: string, sealed: string): string | null;
}

interface Sealed {
  url: string;
  until: number;
}

const memberUrl = sealedColumn("member", "url");

export function createAddresses(atRest: Pick<NodeAtRest, "sealNow" | "openNow">, now: () => Date): Addresses {
  return {
    seal(run, url, until) {
      const value: Sealed = { url, until: until.getTime() };
      return memberUrl.sealNow(atRest, JSON.stringify(value), run);
    },
    open(run, sealed) {
      try {
        const { url, until } = JSON.parse(memberUrl.openNow(atRest, sealed, run)) as Sealed;
        return until > now().getTime() ? url : null;
      } catch {
        return null;
      }
    },
  };
}
