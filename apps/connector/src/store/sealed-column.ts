import type { InStatement } from "@libsql/client";
import type { AtRest, AtRestContext } from "@sandi/crypto";
import type { NodeAtRest } from "@sandi/crypto/node";
import type { Store } from "./store.ts";

/** The sealed texts of one column. Each opens only for its table, column and row, so nobody can move it. */
export interface SealedColumn {
  context(id: string): AtRestContext;
  seal(atRest: AtRest, text: string, id: string): Promise<string>;
  open(atRest: AtRest, sealed: string, id: string): Promise<string>;
  sealNow(atRest: Pick<NodeAtRest, "sealNow">, text: string, id: string): string;
  openNow(atRest: Pick<NodeAtRest, "openNow">, sealed: string, id: string): string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function sealedColumn(table: string, column: string): SealedColumn {
  const context = (id: string) => ({ table, column, id });
  return {
    context,
    seal: (atRest, text, id) => atRest.seal(encoder.encode(text), context(id)),
    open: async (atRest, sealed, id) => decoder.decode(await atRest.open(sealed, context(id))),
    sealNow: (atRest, text, id) => atRest.sealNow(encoder.encode(text), context(id)),
    openNow: (atRest, sealed, id) => decoder.decode(atRest.openNow(sealed, context(id))),
  };
}

interface Stale {
  column: SealedColumn;
  atRest: AtRest;
  id: string;
  text: string;
  /** Stores the value, only if the row still holds the one that was read. */
  replace: (sealed: string) => InStatement;
}

/** Seals a value again that was read under an old key. Nobody waits for it: if it fails, the next read tries again. */
export function resealOnRead({ writer }: Pick<Store, "writer">, { column, atRest, id, text, replace }: Stale): void {
  column
    .seal(atRest, text, id)
    .then((sealed) => writer.write([replace(sealed)]))
    .catch(() => undefined);
}
