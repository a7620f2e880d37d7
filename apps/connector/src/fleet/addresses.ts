import type { NodeAtRest } from "@sandi/crypto/node";

/** The connectors' addresses as the shared database holds them: whoever can only write there cannot have calls sent elsewhere. */
export interface Addresses {
  seal(run: string, url: string, until: Date): string;
  /** Null for one that no connector with our keys wrote for this run, or that it has let lapse. */
  open(run: string, sealed: string): string | null;
}

interface Sealed {
  url: string;
  until: number;
}

const contextOf = (run: string) => ({ table: "member", column: "url", id: run });

export function createAddresses(atRest: Pick<NodeAtRest, "sealNow" | "openNow">, now: () => Date): Addresses {
  return {
    seal(run, url, until) {
      const value: Sealed = { url, until: until.getTime() };
      return atRest.sealNow(Buffer.from(JSON.stringify(value)), contextOf(run));
    },
    open(run, sealed) {
      try {
        const { url, until } = JSON.parse(Buffer.from(atRest.openNow(sealed, contextOf(run))).toString()) as Sealed;
        return until > now().getTime() ? url : null;
      } catch {
        return null;
      }
    },
  };
}
