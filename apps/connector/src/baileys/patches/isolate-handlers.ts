import { EventEmitter, captureRejectionSymbol } from "node:events";
import type { WASocket } from "@whiskeysockets/baileys";

/**
 * Makes a socket whose handlers may fail alone. Baileys' own are async and throw at stanzas and contents of a shape that
 * they do not know, and whoever writes to one account chooses those: unhandled, one of them would end the process, with
 * every other session in it, and again when it is delivered anew.
 */
export function contained(make: () => WASocket, onFailure: (error: unknown) => void): WASocket {
  const before = EventEmitter.captureRejections;
  EventEmitter.captureRejections = true;
  try {
    const sock = make();
    Object.assign(sock.ws, { [captureRejectionSymbol]: onFailure });
    // Of an emitter that cannot be reached: a rejection is its `error`.
    (sock.ev as unknown as Pick<EventEmitter, "on">).on("error", onFailure);
    return sock;
  } finally {
    EventEmitter.captureRejections = before;
  }
}

const places = /[\\/](?:@whiskeysockets[\\/]baileys|libsignal)[\\/]/;

/** Whether an error comes from work of Baileys that nobody waits for. */
export const isOfBaileys = (error: unknown): boolean => error instanceof Error && places.test(error.stack ?? "");

/** What may be said of such an error: its message can hold what somebody sent. */
export const failureOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
