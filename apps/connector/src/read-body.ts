import type { IncomingMessage } from "node:http";
import { AppError } from "@sandi/contracts";

/** The raw body as text. Rejects a body that is too long. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw new AppError("payload-too-large");
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      // The rest is read and dropped, so that the caller gets the answer.
      if (length > maxBytes) reject(new AppError("payload-too-large"));
      else chunks.push(chunk);
    });
    request.on("end", () => resolve(Buffer.concat(chunks).toString()));
    // The caller hung up: it does not see this answer, and nothing of ours failed.
    request.on("error", (cause) =>
      reject(new AppError("invalid-request", { detail: "The body is incomplete.", cause })),
    );
  });
}
