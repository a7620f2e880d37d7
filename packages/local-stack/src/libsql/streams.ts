import { randomUUID } from "node:crypto";
import { Connection } from "./connection.ts";
import { toError } from "./errors.ts";
import { type Pipeline, ProtocolError, type StreamRequest, type StreamResult } from "./hrana.ts";
import { isSelect } from "./sql.ts";

interface Stream {
  connection: Connection;
  stored: Map<number, string>;
  lapse?: NodeJS.Timeout;
}

/** The streams of all clients over one file. */
export interface Streams {
  /** `isGone` returns true when the client has disconnected. The stream gets no lease then. */
  run(
    pipeline: Pipeline,
    isGone: () => boolean,
  ): Promise<{ baton: string | null; base_url: null; results: StreamResult[] }>;
  /** The client disconnected before it received its baton. */
  abandon(baton: string): void;
  close(): void;
}

export function openStreams(file: string, leaseMs: number): Streams {
  const idle = [new Connection(file)];
  const leased = new Map<string, Stream>();
  let waiting: (() => void)[] = [];
  let isClosed = false;

  const isWriting = () => leased.size > 0 && [...leased.values()].some(({ connection }) => !connection.isAutocommit);

  function wakeWaiting(): void {
    const woken = waiting;
    waiting = [];
    for (const go of woken) go();
  }

  function release({ connection, lapse }: Stream): void {
    clearTimeout(lapse);
    connection.rollback();
    if (isClosed) connection.close();
    else idle.push(connection);
    wakeWaiting();
  }

  function abandon(baton: string): void {
    const stream = leased.get(baton);
    if (!stream) return;
    leased.delete(baton);
    release(stream);
  }

  function resume(baton: string): Stream {
    const stream = leased.get(baton);
    if (!stream) throw new ProtocolError("the stream has expired, or its baton was used before", "STREAM_EXPIRED");
    clearTimeout(stream.lapse);
    leased.delete(baton);
    return stream;
  }

  /** SQLite has one writer and runs synchronously: a request that may write waits until the open transaction has ended. */
  async function admit({ baton, requests }: Pipeline): Promise<Stream> {
    const holdsTransaction = baton ? leased.get(baton)?.connection.isAutocommit === false : false;
    if (!holdsTransaction && !requests.every(onlyReads)) {
      while (isWriting()) await new Promise<void>((resolve) => waiting.push(resolve));
    }
    if (isClosed) throw new ProtocolError("the server is closing");
    return baton ? resume(baton) : { connection: idle.pop() ?? new Connection(file), stored: new Map() };
  }

  return {
    abandon,
    async run(pipeline, isGone) {
      const stream = await admit(pipeline);
      const results: StreamResult[] = [];
      let isLast = false;
      try {
        for (const request of pipeline.requests) {
          isLast ||= request.type === "close";
          results.push(answer(stream, request));
        }
      } catch (error) {
        release(stream);
        throw error;
      }
      if (isLast || isGone()) {
        release(stream);
        return { baton: null, base_url: null, results };
      }
      const baton = randomUUID();
      stream.lapse = setTimeout(() => abandon(baton), leaseMs);
      leased.set(baton, stream);
      if (stream.connection.isAutocommit) wakeWaiting();
      return { baton, base_url: null, results };
    },
    close() {
      isClosed = true;
      for (const baton of leased.keys()) abandon(baton);
      for (const connection of idle) connection.close();
      wakeWaiting();
    },
  };
}

function onlyReads(request: StreamRequest): boolean {
  switch (request.type) {
    case "execute":
      return isSelect(request.stmt.sql);
    case "batch":
      return request.batch.steps.every(({ stmt }) => isSelect(stmt.sql));
    case "sequence":
      return false;
    default:
      return true;
  }
}

function answer({ connection, stored }: Stream, request: StreamRequest): StreamResult {
  const sqlOf = ({ sql, sql_id }: { sql?: string; sql_id?: number }) => {
    const text = sql ?? (sql_id === undefined ? undefined : stored.get(sql_id));
    if (text === undefined) throw new ProtocolError("a statement without SQL");
    return text;
  };
  try {
    const { type } = request;
    switch (type) {
      case "execute":
        return ok({ type, result: connection.execute(sqlOf(request.stmt), request.stmt) });
      case "batch":
        return ok({ type, result: connection.batch(request.batch, sqlOf) });
      case "sequence":
        connection.sequence(sqlOf(request));
        return ok({ type });
      case "describe":
        return ok({ type, result: connection.describe(sqlOf(request)) });
      case "store_sql":
        stored.set(request.sql_id, request.sql);
        return ok({ type });
      case "close_sql":
        stored.delete(request.sql_id);
        return ok({ type });
      case "get_autocommit":
        return ok({ type, is_autocommit: connection.isAutocommit });
      case "close":
        return ok({ type });
      default:
        throw new ProtocolError("a request of an unknown type");
    }
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    return { type: "error", error: toError(error) };
  }
}

const ok = (response: Record<string, unknown>): StreamResult => ({ type: "ok", response });
