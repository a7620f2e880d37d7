import type { InStatement } from "@libsql/client";
import { sweepActions } from "./actions.ts";
import { sweepPrivacyTokens } from "./credentials.ts";
import { sweepIdentities } from "./identities.ts";
import { sweepLedger } from "./ledger.ts";
import { sweepLookUps } from "./look-ups.ts";
import { sweepMessages } from "./messages.ts";
import { sweepNumbered } from "./numbered.ts";
import { sweepNumbers } from "./numbers.ts";
import { sweepReceipts } from "./receipts.ts";
import { sweepReceived } from "./received.ts";
import { sweepDeletedSessions } from "./sessions.ts";
import { sweepTokens } from "./spent-tokens.ts";
import type { Store } from "./store.ts";

/** What each table deletes when it is old. A new table adds its sweep here. */
const sweeps: readonly ((now: Date, keep: { ledgerDays: number }) => InStatement[])[] = [
  sweepLedger,
  sweepNumbers,
  sweepReceived,
  sweepReceipts,
  sweepMessages,
  sweepActions,
  sweepNumbered,
  sweepLookUps,
  sweepTokens,
  sweepPrivacyTokens,
  sweepIdentities,
  sweepDeletedSessions,
];

/** Deletes what is old from every table, in one transaction. */
export async function sweepStore({ writer }: Pick<Store, "writer">, now: Date, ledgerDays: number): Promise<void> {
  await writer.write(sweeps.flatMap((sweep) => sweep(now, { ledgerDays })));
}
