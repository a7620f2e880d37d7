import { AppError, FetchMediaRpc, MessageMedia } from "@sandi/contracts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { type MediaRow, selectReceivedFile } from "../media/repository.ts";
import { takeWait } from "../rate-limits/waits.ts";
import { ask } from "../sessions/connector.ts";
import { commitAs } from "../writes/commit-as.ts";
import { shownMedia } from "./message-media.ts";
import { selectMessage } from "./repository.ts";

/** With the three seconds of the connector it stays below fifteen. */
const longestMs = 10_000;
const lastLookMs = 5_000;
/** Between two looks at the database. The last one repeats. */
const pausesMs = [500, 1_000, 1_500, 2_000];

/** The file of a received message, fetched now if it is not stored. It may be `pending` still: then its fetch goes on. */
export async function fetchFile(ctx: Context, id: string): Promise<MessageMedia> {
  const { services, actor } = ctx;
  const tenant = tenantOf(actor);
  // A key that was revoked a moment ago may do nothing: the batch compares it with its row.
  const {
    found: [row],
  } = await commitAs(ctx, { writes: [], reads: { found: selectMessage(services.db, tenant, id) } });
  if (!row) throw new AppError("message-not-found");
  const isOfApi = row.direction === null && row.origin === null;
  if (isOfApi || row.status === "revoked") throw new AppError("media-not-found", { detail: noFile });
  const { sessionId } = row;
  const find = () =>
    selectReceivedFile(services.db, tenant, {
      sessionId,
      messageId: id,
      at: services.now().getTime(),
    }).executeTakeFirst();
  const known = await find();
  if (known) return MessageMedia.parse(await shownMedia(services, describedBy(known), known));
  const { media } = await ask(services, FetchMediaRpc, { sessionId, messageId: id });
  const isPending = media.mediaState === "pending";
  const stored = isPending ? await waitFor(ctx, find) : media.mediaId === null ? undefined : await find();
  return MessageMedia.parse(await shownMedia(services, media, stored));
}

const noFile = "The message has no file that Sandi could fetch.";

const describedBy = ({ mimeType, sizeBytes, sha256 }: MediaRow) => ({ mimeType, sizeBytes, sha256 });

/** Looks until the file is stored. Undefined: it was not in time, or too many requests of the key wait. */
async function waitFor({ services, actor }: Context, find: () => Promise<MediaRow | undefined>) {
  const leave = await takeWait(services, actor, longestMs + lastLookMs);
  if (!leave) return undefined;
  try {
    let leftMs = longestMs;
    for (let look = 0; leftMs > 0; look++) {
      const pauseMs = Math.min(leftMs, pausesMs[look] ?? pausesMs.at(-1)!);
      await services.sleep(pauseMs);
      leftMs -= pauseMs;
      const found = await find();
      if (found) return found;
    }
    return undefined;
  } finally {
    leave();
  }
}
