import { AppError } from "@sandi/contracts";
import { fetchPublic } from "../http/fetch-public.ts";
import { targetFault } from "../http/targets.ts";
import type { Services } from "../services.ts";
import { cleanFileName, dispositionOf, fileNameOf } from "./disposition.ts";

const usualMs = 30_000;

/** What a customer's address answered. */
export interface FetchedMedia {
  type: string;
  fileName: string | undefined;
  /** Undefined: not announced. */
  size: number | undefined;
  /** Throws `media-not-fetched` when the answer breaks off, or lasts too long. */
  bytes: AsyncIterable<Uint8Array>;
  /** Ends the answer. The caller does so in any case. */
  close: () => void;
}

/** Fetches a file from an address that a customer gave. */
export async function fetchMedia(services: Services, given: string, ms = usualMs): Promise<FetchedMedia> {
  const fault = targetFault(given, { allowLocal: services.allowLocalTargets });
  if (fault !== undefined) {
    throw new AppError("invalid-request", { errors: [{ pointer: "/media/url", message: fault }] });
  }
  const { status, headers, url, bytes, close } = await fetchPublic(services, given, { ms, fail: notFetched });
  if (status !== 200) {
    close();
    throw notFetched(`It answered ${status}.`);
  }
  const length = headers.get("content-length");
  return {
    type: headers.get("content-type") ?? "",
    fileName: fileNameOf(dispositionOf(headers.get("content-disposition") ?? "")) ?? nameIn(url),
    // The length of a compressed answer is not that of the file.
    size: length === null || headers.has("content-encoding") ? undefined : Number(length),
    bytes,
    close,
  };
}

const notFetched = (detail: string, cause?: unknown) => new AppError("media-not-fetched", { detail, cause });

/** The name at the end of an address. */
function nameIn(url: string): string | undefined {
  const last = new URL(url).pathname.split("/").at(-1) ?? "";
  try {
    return cleanFileName(decodeURIComponent(last));
  } catch {
    return cleanFileName(last);
  }
}
