import type { FailureReason } from "@sandi/contracts";

export type MediaFailure = Extract<FailureReason, "media_unavailable" | "media_refused" | "transcoder_missing">;

/** A file that cannot be sent, also later. */
export class MediaFailed extends Error {
  override readonly name = "MediaFailed";
  readonly reason: MediaFailure;

  constructor(reason: MediaFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}
