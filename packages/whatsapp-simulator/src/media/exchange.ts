import type { IncomingMessage, ServerResponse } from "node:http";
import type { Faults, MediaClient } from "../faults.ts";
import type { FileStore } from "./store.ts";

/** The hosts' files, encrypted as they came, and what goes wrong with them on purpose. */
export interface Hosting {
  files: FileStore;
  faults: Faults;
  /** The token for uploads. */
  auth: string;
  /** Resolves after so many milliseconds. */
  wait: (ms: number) => Promise<void>;
}

/** A request at a media host. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  by: MediaClient;
  url: URL;
}
