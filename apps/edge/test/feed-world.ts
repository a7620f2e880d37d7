import { createId } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import type { Edge } from "./harness.ts";

interface EventFields {
  workspaceId?: string;
  type?: string;
  sessionId?: string | null;
  at?: number;
  test?: 0 | 1;
}

/** Stores events of nobody in one transaction. Returns their ids. */
export async function addEvents(edge: Edge, count: number, fields: EventFields = {}): Promise<string[]> {
  const now = edge.services.now();
  const { workspaceId = edge.workspace.id, type = "message.sent", sessionId = null } = fields;
  const { at = now.getTime(), test = 0 } = fields;
  const ids = Array.from({ length: count }, () => createId("evt", now, webRandom(10)));
  await edge.client.execute({
    sql: `INSERT INTO event (id, workspace_id, type, session_id, data, at, test)
      SELECT value, ?, ?, ?, '{"personId":null}', ?, ? FROM json_each(?) ORDER BY key`,
    args: [workspaceId, type, sessionId, at, test, JSON.stringify(ids)],
  });
  return ids;
}

/** A client of a stream of events. */
export interface Listener {
  response: Response;
  /** What it has received. */
  text: string;
  readonly ids: string[];
  readonly lastId: string;
  isOpen: boolean;
  /** Stops reading after the next piece. */
  pause: () => void;
  resume: () => void;
  hangUp: () => Promise<void>;
}

interface Listening {
  key?: string;
  lastEventId?: string;
}

/** Streams of an edge whose time is the test's: a wait ends when the test lets its time pass. */
export function startListening(edge: Edge) {
  const all: (Listener & { isPaused: boolean })[] = [];
  const timers = new Set<{ at: number; end: () => void }>();
  const now = () => edge.services.now().getTime();
  edge.services.sleep = (ms) =>
    new Promise((resolve) => {
      const timer = {
        at: now() + ms,
        end: () => {
          timers.delete(timer);
          resolve();
        },
      };
      timers.add(timer);
    });

  async function listen(query = "", { key = edge.workspace.key, lastEventId }: Listening = {}): Promise<Listener> {
    const headers = {
      authorization: `Bearer ${key}`,
      accept: "text/event-stream",
      ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
    };
    const response = await edge.fetch(new Request(`https://api.test/v1/events?${query}`, { headers }));
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let resumed = Promise.withResolvers<void>();
    const listener = {
      response,
      text: "",
      get ids() {
        return [...listener.text.matchAll(/^data: \{"id":"([^"]+)"/gm)].map(([, id = ""]) => id);
      },
      get lastId() {
        return [...listener.text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? "";
      },
      isOpen: response.ok,
      isPaused: false,
      pause() {
        listener.isPaused = true;
        resumed = Promise.withResolvers();
      },
      resume() {
        listener.isPaused = false;
        resumed.resolve();
      },
      async hangUp() {
        listener.isOpen = false;
        await reader?.cancel();
      },
    };
    const read = async () => {
      while (listener.isOpen) {
        const { done, value = "" } = (await reader?.read()) ?? { done: true };
        listener.text += value;
        if (done) listener.isOpen = false;
        if (listener.isPaused) await resumed.promise;
      }
    };
    if (response.ok) {
      all.push(listener);
      void read();
    }
    return listener;
  }

  /** Until every stream that is read waits for its time. */
  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < 3;) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      const feeds = [...edge.services.feeds.byWorkspace.values()];
      const waiting = feeds.reduce((sum, feed) => sum + feed.waiting.size, 0);
      const reading = all.filter(({ isOpen, isPaused }) => isOpen && !isPaused).length;
      quiet = waiting >= reading ? quiet + 1 : 0;
    }
  }

  async function pass(ms: number): Promise<void> {
    const until = now() + ms;
    for (;;) {
      await settle();
      const at = Math.min(...[...timers].map((timer) => timer.at));
      if (at > until) break;
      edge.advance(Math.max(0, at - now()));
      for (const timer of timers) if (timer.at <= at) timer.end();
    }
    edge.advance(until - now());
    await settle();
  }

  return { all: all as readonly Listener[], listen, pass };
}
