import type { Media } from "@sandi/contracts";
import { signLink, verifyLink } from "@sandi/crypto";
import type { Services } from "../services.ts";
import { iso, isoOrNull } from "../time.ts";
import type { MediaRow } from "./repository.ts";

const linkMs = 24 * 3600_000;

const contentPathOf = (id: string) => `/v1/media/${id}/content`;

/** A file as the API shows it, with a link of its own for a day. */
export async function withLink({ linkKeys, publicUrl, now }: Services, media: Omit<Media, "url">): Promise<Media> {
  const signature = await signLink(linkKeys, media.contentPath, new Date(now().getTime() + linkMs));
  return { ...media, url: `${publicUrl}${media.contentPath}?signature=${signature}` };
}

/** A file without its link: what is stored for repetitions. */
export const toMedia = (
  row: Pick<MediaRow, "id" | "mimeType" | "sizeBytes" | "sha256" | "fileName" | "createdAt" | "expiresAt">,
): Omit<Media, "url"> => ({
  id: row.id,
  mimeType: row.mimeType,
  sizeBytes: row.sizeBytes,
  sha256: row.sha256,
  fileName: row.fileName,
  contentPath: contentPathOf(row.id),
  createdAt: iso(row.createdAt),
  expiresAt: isoOrNull(row.expiresAt),
});

/** True if the signature is for the content of this file and has not expired. */
export const isLinkTo = ({ linkKeys, now }: Services, id: string, signature: string): Promise<boolean> =>
  verifyLink(linkKeys, contentPathOf(id), signature, now());
