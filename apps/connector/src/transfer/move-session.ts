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
import { chatStatements, readChats } from "./chats.ts";
import type { MovedSession } from "./session-file.ts";

/** A session cannot be moved. The message says why. */
export class MoveRefused extends Error {
  override readonly name = "MoveRefused";
}

export interface MoveContext {
  store: Store;
  keys: KeyRing;
  services: Pick<Services, "now" | "newId" | "random">;
}

/**
 * Exports a session: passes its credentials and chats to `keep`, and deletes them here when `keep` has resolved. Two holders of one
 * device disconnect each other, and an old copy breaks the chats of the newer one.
 */
export async function exportSession(
  context: MoveContext,
  sessionId: string,
  keep: (session: MovedSession) => Promise<void>,
): Promise<void> {
  await withLease(context, sessionId, async ({ row, fence, atRest }) => {
    const all = Promise.all([readAll(context.store, sessionId, atRest), readChats(context.store, sessionId, atRest)]);
    const [values, chats] = await all.catch((cause: unknown) => {
      throw new MoveRefused(`Not all of ${sessionId} can be opened with STORE_KEYS; nothing was exported.`, { cause });
    });
    const phone = openNumber(atRest, sessionId, row.sealedPhone);
    if (phone === null || !values.some(([kind]) => kind === "creds")) {
      throw new MoveRefused(`${sessionId} is not linked to an account; there is nothing to export.`);
    }
    await keep({ sessionId, phone, exportedAt: context.services.now().toISOString(), values, chats });
    const reported = { state: "ended", reason: "exported", phone: null } as const;
    await writeFenced(context.store, fence, [
      ...forgetStatements.login(fence),
      ...(await report(context, row, fence, reported)),
    ]);
  });
}

/** Imports a session into one that exists here and is not linked: all of it, or nothing. */
export async function importSession(context: MoveContext, sessionId: string, moved: MovedSession): Promise<void> {
  await withLease(context, sessionId, async ({ row, fence, atRest }) => {
    if (row.sealedPhone !== null || (await readAll(context.store, sessionId, atRest)).length > 0) {
      throw new MoveRefused(`${sessionId} is linked to an account already; create a session for this one.`);
    }
    const owner = nodeAtRest(context.keys, "connector", context.services.random);
    const pseudonym = await openPseudonyms(context.store, owner, context.services.random);
    const reported = { state: "stopped", reason: "requested", phone: moved.phone } as const;
    const account = openNumber(atRest, sessionId, row.sealedAccount);
    const isOther = account === null || !isSameAccount(account, moved.phone);
    await writeFenced(context.store, fence, [
      ...(isOther ? forgetStatements.past(fence) : []),
      await importStatement(fence, { values: moved.values, atRest, pseudonym }),
      ...(moved.chats ? await chatStatements(fence, moved.chats, { atRest, pseudonym }) : []),
      ...(await report(context, row, fence, reported)),
    ]);
  });
}

interface Leased {
  row: SessionRow;
  fence: Fence;
  atRest: NodeAtRest;
}

async function withLease(
  { store, keys, services }: MoveContext,
  sessionId: string,
  work: (leased: Leased) => Promise<void>,
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

/** Reports the state of a session that no connector runs. */
async function report(
  { keys, services }: MoveContext,
  row: SessionRow,
  fence: Fence,
  reported: Pick<StateReport, "state" | "reason" | "phone">,
) {
  const atRest = nodeAtRest(keys, row.id, services.random);
  const whole = { ...reported, revision: row.actedRevision, attempts: 0, nextAttemptAt: null };
  return reportStatements(fence, whole, { services, atRest, at: services.now() });
}
