import type { InStatement, ResultSet } from "@libsql/client";
import type { StoreClient } from "./file-client.ts";

/** Writes in the order of the calls. Calls that wait together share a transaction. */
export interface Writer {
  /** All statements of one call are stored, or none of them. */
  write(statements: InStatement[]): Promise<ResultSet[]>;
  /** Makes a kind of write whose calls of one turn of the event loop share their statements. */
  bulk<Item, Result>(kind: Bulk<Item, Result>): (item: Item) => Promise<Result>;
  /** Resolves when nothing is waiting or running. */
  settled(): Promise<void>;
}

export interface Bulk<Item, Result> {
  statements(items: readonly Item[]): InStatement[];
  /** One result per item; an `Error` rejects that item's call. */
  results(items: readonly Item[], results: readonly ResultSet[]): (Result | Error)[];
}

/** Statements that are stored together. They are made when the transaction starts. */
interface Unit {
  statements(): InStatement[];
  resolve(results: ResultSet[]): void;
  reject(error: unknown): void;
}

interface Built {
  unit: Unit;
  statements: InStatement[];
}

const maxUnits = 200;

export function createWriter(client: StoreClient): Writer {
  let waiting: Unit[] = [];
  let running: Promise<void> | undefined;
  /** Bulk units that accept items: until their transaction starts, or another write is queued after them. */
  const open = new Map<unknown, unknown[]>();

  async function run(): Promise<void> {
    try {
      // Calls of the same turn of the event loop share the transaction.
      await new Promise((resolve) => setImmediate(resolve));
      while (waiting.length > 0) {
        const units = waiting.slice(0, maxUnits);
        waiting = waiting.slice(maxUnits);
        open.clear();
        await runTogether(units.flatMap(built));
      }
    } finally {
      running = undefined;
    }
  }

  /** A unit that cannot make its statements fails alone. */
  function built(unit: Unit): Built[] {
    try {
      return [{ unit, statements: unit.statements() }];
    } catch (error) {
      unit.reject(error);
      return [];
    }
  }

  async function runTogether(units: Built[]): Promise<void> {
    if (units.length === 0) return;
    let results: ResultSet[];
    try {
      results = await client.batch(
        units.flatMap(({ statements }) => statements),
        "write",
      );
    } catch (error) {
      if (units.length === 1) units[0]!.unit.reject(error);
      // One bad unit must not fail the others.
      else for (const one of units) await runTogether([one]);
      return;
    }
    let offset = 0;
    for (const { unit, statements } of units) {
      const own = results.slice(offset, (offset += statements.length));
      // The unit is stored. An error here goes to the caller, and the unit is not stored again.
      try {
        unit.resolve(own);
      } catch (error) {
        unit.reject(error);
      }
    }
  }

  function enqueue(unit: Unit): void {
    waiting.push(unit);
    running ??= run();
  }

  return {
    write(statements) {
      if (statements.length === 0) return Promise.resolve([]);
      open.clear();
      return new Promise((resolve, reject) => enqueue({ statements: () => statements, resolve, reject }));
    },
    bulk<Item, Result>(kind: Bulk<Item, Result>) {
      interface Call {
        item: Item;
        resolve: (result: Result) => void;
        reject: (error: unknown) => void;
      }
      return (item: Item) =>
        new Promise<Result>((resolve, reject) => {
          const call: Call = { item, resolve, reject };
          const joined = open.get(kind) as Call[] | undefined;
          if (joined) {
            joined.push(call);
            return;
          }
          const calls = [call];
          open.set(kind, calls);
          enqueue({
            statements: () => kind.statements(calls.map((one) => one.item)),
            resolve(results) {
              const each = kind.results(
                calls.map((one) => one.item),
                results,
              );
              calls.forEach((one, i) => {
                const result = each[i];
                if (result instanceof Error) one.reject(result);
                else one.resolve(result as Result);
              });
            },
            reject(error) {
              for (const one of calls) one.reject(error);
            },
          });
        });
    },
    async settled() {
      if (!running) return;
      await running;
      return this.settled();
    },
  };
}
