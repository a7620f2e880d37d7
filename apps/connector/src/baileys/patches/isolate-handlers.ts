import { EventEmitter, captureRejectionSymbol } from "node:events";
import type { WASocket } from "@whiskeysockets/baileys";

/**
 * Makes a socket whose handlers fail without ending the process. Baileys' async handlers throw at stanzas of unknown shape,
 * and any sender can send one. Unhandled, it would end all sessions, and again when it is redelivered.
 */
export function isolateHandlers(make: () => WASocket, onFailure: (error: unknown) => void): WASocket {
  const before = EventEmitter.captureRejections;
  EventEmitter.captureRejections = true;
  try {
    const sock = make();
    Object.assign(sock.ws, { [captureRejectionSymbol]: onFailure });
    // The emitter behind `sock.ev` is private. It emits a rejection as its `error` event.
    (sock.ev as unknown as Pick<EventEmitter, "on">).on("error", onFailure);
    return sock;
  } finally {
    EventEmitter.captureRejections = before;
  }
}

const baileysPaths = /[\\/](?:@whiskeysockets[\\/]baileys|libsignal)[\\/]/;

/** Whether an error comes from a task of Baileys that nobody awaits. */
export const isFromBaileys = (error: unknown): boolean =>
  error instanceof Error && baileysPaths.test(error.stack ?? "");

/** The name of such an error. Its message is not logged, because it can hold received content. */
export const failureOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
