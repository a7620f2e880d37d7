/** A part of an object. */
export interface ObjectRange {
  offset: number;
  length: number;
}

/** An object in a list. */
export interface ListedObject {
  key: string;
  uploadedAt: Date;
}

/** Where the files of messages lie. It never sees their plaintext. */
export interface MediaStore {
  /**
   * Stores an object whose length is not known before its end. If it rejects, there is no object. A large object is stored
   * in parts: `onParts` gets the upload's id, with which `abort` deletes the parts after a crash.
   */
  put(
    key: string,
    pieces: AsyncIterable<Uint8Array<ArrayBuffer>>,
    onParts: (uploadId: string) => Promise<void>,
  ): Promise<void>;
  /** The bytes of a range; undefined if there is no such object. */
  get(key: string, range: ObjectRange): Promise<ReadableStream<Uint8Array> | undefined>;
  /** Deletes up to 1,000 objects; those that do not exist are ignored. */
  delete(keys: readonly string[]): Promise<void>;
  /** Deletes the parts of an upload that did not end. An upload that has ended is ignored. */
  abort(key: string, uploadId: string): Promise<void>;
  /** Objects in the order of their keys, behind `after`. */
  list(after: string, limit: number): Promise<ListedObject[]>;
}
