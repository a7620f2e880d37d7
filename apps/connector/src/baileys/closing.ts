import type { WASocket } from "@whiskeysockets/baileys";

const closeGraceMs = 1000;
const endTimeoutMs = 5000;

/** Ends sockets that would not end by themselves. */
export interface Closing {
  /** Closes the connection without a handshake. */
  terminate: () => void;
  /** Ends the socket, and terminates it after a while in any case. */
  endWith(ending: () => Promise<unknown>): Promise<void>;
}

/** A half-open connection never answers the closing handshake, and Baileys reports a close only after it. */
export function closingOf(sock: WASocket): Closing {
  const client = sock.ws as unknown as { socket: { terminate(): void } | null; close(): Promise<void> };
  const handshake = client.close.bind(client);
  client.close = () => {
    const { socket } = client;
    const terminateTimer = setTimeout(() => socket?.terminate(), closeGraceMs);
    return handshake().finally(() => clearTimeout(terminateTimer));
  };
  const terminate = () => client.socket?.terminate();
  return {
    terminate,
    async endWith(ending) {
      await Promise.race([ending().catch(() => undefined), wait(endTimeoutMs)]);
      terminate();
    },
  };
}

/** Ends the socket; Baileys resolves this when the closing handshake is over. */
export async function ended(sock: WASocket): Promise<void> {
  await (sock.end as unknown as (error: undefined) => Promise<void>)(undefined);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
