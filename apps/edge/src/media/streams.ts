/** A hash of bytes that arrive one after the other. */
export interface StreamHash {
  update: (bytes: Uint8Array) => Promise<void>;
  /** In hex. */
  end: () => Promise<string>;
}

/** What the runtime's streams can do beyond the standard. */
export interface Streams {
  sha256: () => StreamHash;
  /** The same stream, whose length the server can announce. */
  ofLength: (stream: ReadableStream<Uint8Array>, length: number) => ReadableStream<Uint8Array>;
}
