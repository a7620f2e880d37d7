import type { Logger } from "pino";
import type { KnownNumbers } from "../numbers/known-numbers.ts";
import type { Erased } from "../store/erased.ts";
import type { Identities } from "../store/identities.ts";

/**
 * What the session hears of people. Writes are not awaited, because memory has it at once: if one fails, the next message or
 * receipt writes it.
 */
export interface People {
  /** The hidden id of a number. `at`: of the old message that names both. */
  learned(identity: { lid: string; pn: string }, at: Date | undefined): void;
  /** Somebody with these jids has an account. */
  alive(jids: string[]): void;
}

interface Options {
  workspaceId: string;
  identities: Identities;
  knownNumbers: Pick<KnownNumbers, "alive">;
  erased: Pick<Erased, "covers" | "knows">;
  logger: Logger;
}

export function createPeople(
  sessionId: string,
  { workspaceId, identities, knownNumbers, erased, logger }: Options,
): People {
  /** An old message brings nobody back who was erased meanwhile. */
  async function storeIdentity(identity: { lid: string; pn: string }, at: Date | undefined): Promise<void> {
    if (at && (await erased.covers(sessionId, [identity.lid, identity.pn], at))) return;
    await identities.learned([identity]);
  }

  async function storeAlive(jids: string[]): Promise<void> {
    if (await erased.knows(sessionId, jids)) return;
    await knownNumbers.alive(workspaceId, jids);
  }

  return {
    learned(identity, at) {
      storeIdentity(identity, at).catch((error: unknown) => logger.debug({ error }, "an identity could not be stored"));
    },
    alive(jids) {
      storeAlive(jids).catch((error: unknown) => logger.debug({ error }, "a known number could not be stored"));
    },
  };
}
