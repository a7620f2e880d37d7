import { isSameAccount } from "@sandi/contracts";
import type { KeyRing } from "@sandi/crypto";
import type { Services } from "../services.ts";
import { type NodeAtRest, nodeAtRest } from "@sandi/crypto/node";
import { forgetStatements } from "../store/account.ts";
import { importStatement, readAll } from "../store/credentials.ts";
import { openNumber } from "../store/own-number.ts";
import { openPseudonyms } from "../store/pseudonyms.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import { borrowSession, releaseLeases } from "../store/leases.ts";
import { findSession, type SessionRow } from "../store/sessions.ts";
import { reportStatements, type StateReport } from "../store/state-report.ts";
import type { Store } from "../store/store.ts";
import type { MovedSession } from "./session-file.ts";

/** A session cannot be moved, with the sentence that says why. */
export class MoveRefused extends Error {
  override readonly name = "MoveRefused";
}

export interface Workshop {
  store: Store;
  keys: KeyRing;
  services: Pick<Services, "now" | "newId" | "random">;
}

/**
 * Takes a session out of this database: its credentials are handed to `keep`, and gone from here when that has resolved.
 * Two holders of one device throw each other out, and an old copy breaks the chats of the newer one.
 */
export async function exportSession(
  shop: Workshop,
  sessionId: string,
  keep: (session: MovedSession) => Promise<void>,
): Promise<void> {
  await borrowed(shop, sessionId, async ({ row, fence, atRest }) => {
    const values = await readAll(shop.store, sessionId, atRest).catch((cause: unknown) => {
      throw new MoveRefused(`Not all of ${sessionId} can be opened with STORE_KEYS; nothing was exported.`, { cause });
    });
    const phone = openNumber(atRest, sessionId, row.sealedPhone);
    if (phone === null || !values.some(([kind]) => kind === "creds")) {
      throw new MoveRefused(`${sessionId} is not linked to an account; there is nothing to export.`);
    }
    await keep({ sessionId, phone, exportedAt: shop.services.now().toISOString(), values });
    const reported = { state: "ended", reason: "exported", phone: null } as const;
    await writeFenced(shop.store, fence, [
      ...forgetStatements.login(fence),
      ...(await report(shop, row, fence, reported)),
    ]);
  });
}

/** Puts a session into one that exists here and is not linked: all of it, or nothing. */
export async function importSession(shop: Workshop, sessionId: string, moved: MovedSession): Promise<void> {
  await borrowed(shop, sessionId, async ({ row, fence, atRest }) => {
    if (row.sealedPhone !== null || (await readAll(shop.store, sessionId, atRest)).length > 0) {
      throw new MoveRefused(`${sessionId} is linked to an account already; create a session for this one.`);
    }
    const owner = nodeAtRest(shop.keys, "connector", shop.services.random);
    const pseudonym = await openPseudonyms(shop.store, owner, shop.services.random);
    const reported = { state: "stopped", reason: "requested", phone: moved.phone } as const;
    const account = openNumber(atRest, sessionId, row.sealedAccount);
    const isOther = account === null || !isSameAccount(account, moved.phone);
    await writeFenced(shop.store, fence, [
      ...(isOther ? forgetStatements.past(fence) : []),
      await importStatement(fence, { values: moved.values, atRest, pseudonym }),
      ...(await report(shop, row, fence, reported)),
    ]);
  });
}

interface Borrowed {
  row: SessionRow;
  fence: Fence;
  atRest: NodeAtRest;
}

async function borrowed(
  { store, keys, services }: Workshop,
  sessionId: string,
  work: (borrowed: Borrowed) => Promise<void>,
): Promise<void> {
  const run = `command.${services.newId("req").slice(4)}`;
  const row = await borrowSession(store, { sessionId, run, now: services.now() });
  if (!row) {
    const known = await findSession(store, sessionId);
    throw new MoveRefused(
      known && !known.isGone
        ? `${sessionId} runs on a connector; stop it first.`
        : `There is no session ${sessionId} in this database.`,
    );
  }
  const fence = { sessionId, fence: row.fence };
  try {
    await work({ row, fence, atRest: nodeAtRest(keys, sessionId, services.random) });
  } finally {
    await releaseLeases(store, [fence], services.now());
  }
}

/** What is told of a session that nobody runs. */
async function report(
  { keys, services }: Workshop,
  row: SessionRow,
  fence: Fence,
  told: Pick<StateReport, "state" | "reason" | "phone">,
) {
  const atRest = nodeAtRest(keys, row.id, services.random);
  const whole = { ...told, revision: row.actedRevision, attempts: 0, nextAttemptAt: null };
  return reportStatements(fence, whole, { services, atRest, at: services.now() });
}
