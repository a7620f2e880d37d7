import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { Services } from "../services.ts";

/** Watches the open socket of a session: a connection can answer pings and still carry no messages. */
export interface Watchdog {
  /** Watches a socket that was opened. `onDead` is called when it answers nothing. */
  watch(socket: Pick<WhatsAppSocket, "probe">, onDead: () => void): void;
  /** When the server last sent something; null without a socket. */
  heardAt(): Date | null;
  /** The server sent something for this session. */
  heard(): void;
  /** A message was not acknowledged in time. */
  unanswered(): void;
  /** The socket is closed. */
  stop(): void;
}

interface Options {
  services: Pick<Services, "now" | "after">;
  /** After this time without anything from the server it is probed. Milliseconds. */
  quietMs?: number;
}

const usualQuietMs = 120_000;
const probeMs = 10_000;
/** After this many messages in a row without an ack the server is probed; after the second number the socket is closed. */
const probeAfter = 2;
const closeAfter = 5;

export function createWatchdog({ services, quietMs = usualQuietMs }: Options): Watchdog {
  let watched: { socket: Pick<WhatsAppSocket, "probe">; onDead: () => void } | undefined;
  let heardAt = 0;
  let unansweredInRow = 0;
  let isProbing = false;
  let cancelLook: (() => void) | undefined;

  function lookIn(ms: number): void {
    cancelLook?.();
    cancelLook = services.after(ms, () => {
      const quiet = services.now().getTime() - heardAt;
      if (quiet >= quietMs) void probe();
      else lookIn(quietMs - quiet);
    });
  }

  async function probe(): Promise<void> {
    const asked = watched;
    if (!asked || isProbing) return;
    isProbing = true;
    const askedAt = heardAt;
    const isAnswered = await asked.socket.probe(probeMs);
    isProbing = false;
    if (watched !== asked) return;
    // Anything that the server sent meanwhile counts as an answer.
    if (!isAnswered && heardAt === askedAt) return dead();
    if (isAnswered) heardAt = services.now().getTime();
    lookIn(quietMs);
  }

  function dead(): void {
    const { onDead } = watched ?? {};
    stop();
    onDead?.();
  }

  function stop(): void {
    watched = undefined;
    cancelLook?.();
  }

  return {
    watch(socket, onDead) {
      watched = { socket, onDead };
      heardAt = services.now().getTime();
      unansweredInRow = 0;
      lookIn(quietMs);
    },
    heard() {
      heardAt = services.now().getTime();
      unansweredInRow = 0;
    },
    unanswered() {
      unansweredInRow++;
      if (unansweredInRow >= closeAfter) dead();
      else if (unansweredInRow >= probeAfter) void probe();
    },
    heardAt: () => (watched ? new Date(heardAt) : null),
    stop,
  };
}
