import type { Client, InStatement, ResultSet } from "@libsql/client";

/** Writes in the order of the calls; those that wait together go in one transaction. */
export interface Writer {
  /** All statements of one call are stored, or none of them. */
  write(statements: InStatement[]): Promise<ResultSet[]>;
  /** Resolves when nothing is waiting or running. */
  settled(): Promise<void>;
}

interface Waiting {
  statements: InStatement[];
  resolve: (results: ResultSet[]) => void;
  reject: (error: unknown) => void;
}

const maxStatements = 1000;

export function createWriter(client: Client): Writer {
  let waiting: Waiting[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    // Calls of the same turn of the event loop share the transaction.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const group = take();
      try {
        settle(group, await client.batch(group.flatMap(({ statements }) => statements), "write"));
      } catch (error) {
        if (group.length === 1) group[0]?.reject(error);
        else await runApart(group);
      }
    }
    running = undefined;
  }

  function take(): Waiting[] {
    let statements = 0;
    const last = waiting.findIndex((unit, i) => (statements += unit.statements.length) > maxStatements && i > 0);
    const group = last === -1 ? waiting : waiting.slice(0, last);
    waiting = waiting.slice(group.length);
    return group;
  }

  /** One bad unit must not take its neighbours with it. */
  async function runApart(group: Waiting[]): Promise<void> {
    for (const unit of group) await client.batch(unit.statements, "write").then(unit.resolve, unit.reject);
  }

  return {
    write(statements) {
      if (statements.length === 0) return Promise.resolve([]);
      return new Promise((resolve, reject) => {
        waiting.push({ statements, resolve, reject });
        running ??= run();
      });
    },
    async settled() {
      while (running) await running;
    },
  };
}

function settle(group: Waiting[], results: ResultSet[]): void {
  let offset = 0;
  for (const { statements, resolve } of group) {
    resolve(results.slice(offset, offset + statements.length));
    offset += statements.length;
  }
}
