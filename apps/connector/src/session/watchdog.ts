import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { Services } from "../services.ts";

/** Looks after the open socket of a session: a line can be up, pings answered and all, and still carry nothing. */
export interface Watchdog {
  /** A socket was opened; `onDead` is called once it has proved to be deaf. */
  watch(socket: Pick<WhatsAppSocket, "probe">, onDead: () => void): void;
  /** When it last did; null without a socket. */
  heardAt(): Date | null;
  /** The server has said something that was meant for this session. */
  heard(): void;
  /** A message was not acknowledged in time. */
  unanswered(): void;
  /** The socket is gone. */
  stop(): void;
}

interface Options {
  services: Pick<Services, "now" | "after">;
  /** So long a session may hear nothing before it asks. Milliseconds. */
  quietMs?: number;
}

const usualQuietMs = 120_000;
const probeMs = 10_000;
/** So many messages in a row without an answer are worth a question, and so many end the connection whatever it says. */
const suspicious = 2;
const hopeless = 5;

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
    // An answer to something else is one.
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
      if (unansweredInRow >= hopeless) dead();
      else if (unansweredInRow >= suspicious) void probe();
    },
    heardAt: () => (watched ? new Date(heardAt) : null),
    stop,
  };
}
