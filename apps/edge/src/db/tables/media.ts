export interface MediaTable {
  id: string;
  workspaceId: string;
  /** Uploaded with a test key. */
  test: 0 | 1;
  /** The name of the object in the store. */
  objectKey: string;
  /** The object's key, sealed with the workspace's. */
  sealedKey: string;
  mimeType: string;
  sizeBytes: number;
  /** Of the plaintext, in hex. */
  sha256: string;
  fileName: string | null;
  /** The API key that uploaded it; null: a session received it. */
  createdBy: string | null;
  /** The session that received it, and the connector's name for the upload. */
  sessionId: string | null;
  uploadId: string | null;
  /** When it is deleted as unused; null: it is used. */
  expiresAt: number | null;
  /** A message that may still be sent needs it until then. */
  usedUntil: number;
  createdAt: number;
}

/** An object in the store that is deleted at a time, unless its upload ends before. */
export interface MediaObjectTable {
  objectKey: string;
  /** The id of a multipart upload that has not ended. */
  partUploadId: string | null;
  deleteAt: number;
}
