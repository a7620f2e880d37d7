import type { ClientSocket } from "../wire/socket.ts";

/** A client that shows a code and waits for this phone to type it. */
export interface PairingRequest {
  connection: ClientSocket;
  reference: string;
  /** salt 32, iv 16, the client's ephemeral key 32; encrypted with the code. */
  wrappedEphemeral: Buffer;
  onFinish?: (bundle: Buffer, identity: Buffer) => void;
  /** The client went away. */
  onGone?: () => void;
}
