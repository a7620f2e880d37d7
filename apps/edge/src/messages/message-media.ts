import { type Message, MediaState } from "@sandi/contracts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { toMedia, withLink } from "../media/links.ts";
import { type MediaRow, selectOwnOf } from "../media/repository.ts";
import type { Services } from "../services.ts";

type Content = Record<string, unknown>;
type Described = Record<string, unknown> & { mediaId?: string | null };

/** The contents of messages with links to their files, which last for a day. One query finds all files. */
export async function withFiles({ services, actor }: Context, messages: Message[]): Promise<Message[]> {
  const ids = messages.flatMap(({ content }) => mediaIn(content)?.mediaId ?? []);
  const at = services.now().getTime();
  const rows = ids.length === 0 ? [] : await selectOwnOf(services.db, tenantOf(actor), { ids, at }).execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  return Promise.all(
    messages.map(async (message) => {
      const media = mediaIn(message.content);
      if (!media) return message;
      const row = byId.get(media.mediaId ?? "");
      return { ...message, content: { ...message.content, media: await shownMedia(services, media, row) } };
    }),
  );
}

const mediaIn = (content: Content | null) => content?.["media"] as Described | undefined;

/** A file as its message describes it. @param row the stored file; undefined: it is not stored, or is deleted */
export async function shownMedia(services: Services, media: Described, row: MediaRow | undefined) {
  const { mediaId = null, mediaState, fileName = null, ...described } = media;
  if (row) {
    const { contentPath, url } = await withLink(services, toMedia(row));
    const stored = { mediaId: row.id, mediaState: "stored" as const };
    return { ...stored, ...described, fileName: row.fileName, contentPath, url };
  }
  // Connectors released before December 2026 fetch nothing.
  const state = mediaId === null ? (MediaState.safeParse(mediaState).data ?? "unavailable") : ("deleted" as const);
  return { mediaId: null, mediaState: state, ...described, fileName, contentPath: null, url: null };
}
