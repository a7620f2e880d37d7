import type { FetchMediaRpc, MediaEnd } from "@sandi/contracts";
import type { z } from "zod";
import type { StoreInboundMedia } from "../media/store-inbound.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import {
  askedDownloadStatement,
  type DueDownload,
  endDownloadStatements,
  findDownloads,
  findDueDownloads,
  laterDownloadStatement,
  mediaDownloadOf,
  nextDownloadAt,
} from "../store/downloads.ts";
import { type Fence, LeaseLost, writeFenced } from "../store/fence.ts";
import { openBody } from "../store/messages.ts";
import { appendBodyStatement, type NewEvent } from "../store/outbox.ts";
import { sealEvent } from "../store/sealed-events.ts";
import type { InboundContext, MessageBody } from "./context.ts";
import { findKept } from "./kept-message.ts";
import { withMedia, fetchedOf } from "./message-media.ts";

/** A session that this process owns. */
interface Owned {
  fence: Fence;
  /** Null while it is not online. */
  online: () => Pick<WhatsAppSocket, "media"> | null;
}

type GivenUp = Extract<NewEvent, { type: "message.media" }>;
type Answer = z.output<typeof FetchMediaRpc.response>["media"];

/** Fetches the files of received messages: each one once, again after a crash, and only as long as its message has it. */
export interface FetchFiles {
  /** Fetches what is due of a session. Call it when a file may be due, and when the session has come online. */
  wake(sessionId: string): void;
  /** Fetches one file, whatever became of it before. Answers after a while in any case; the fetch then goes on. */
  now(
    owned: Owned,
    messageId: string,
  ): Promise<Answer | "media-not-found" | "session-not-online" | "media-download-off">;
  /** Begins nothing more. */
  stop(): void;
}

interface Options extends Pick<InboundContext, "services" | "logger" | "store" | "atRest" | "onAppended"> {
  storeInboundMedia: StoreInboundMedia;
  find: (sessionId: string) => Owned | undefined;
  /** The lease is lost. */
  lost: (sessionId: string) => void;
}

/** One session takes so many places at a time, so that others have theirs. */
const mostOfSession = 2;
const [secondMs, minuteMs, hourMs] = [1000, 60_000, 3_600_000];
/** The waits after each failure. After the last one the file is given up, two days after its message. */
const waitsMs = [
  5 * secondMs,
  30 * secondMs,
  2 * minuteMs,
  10 * minuteMs,
  hourMs,
  3 * hourMs,
  6 * hourMs,
  12 * hourMs,
  24 * hourMs,
];
/** After a failure of the database. */
const brokenMs = minuteMs;
/** Less than what a forwarded call may take. */
const answerMs = 3000;

export function createFetchFiles(options: Options): FetchFiles {
  const { services, logger, store, find } = options;
  /** By session: true when it was woken while it ran. */
  const running = new Map<string, boolean>();
  const timers = new Map<string, () => void>();
  /** Fetches that run, by session and message: a second one joins. */
  const fetching = new Map<string, Promise<void>>();
  let isStopped = false;

  function wake(sessionId: string): void {
    timers.get(sessionId)?.();
    timers.delete(sessionId);
    if (isStopped) return;
    const isRunning = running.has(sessionId);
    running.set(sessionId, isRunning);
    if (!isRunning) void run(sessionId);
  }

  async function run(sessionId: string): Promise<void> {
    let nextMs: number | null = null;
    try {
      nextMs = await fetchDue(sessionId);
    } catch (error) {
      nextMs = failed(sessionId, error);
    }
    const isWokenAgain = running.get(sessionId) === true && nextMs !== brokenMs;
    running.delete(sessionId);
    if (isWokenAgain) return wake(sessionId);
    if (nextMs !== null && !isStopped)
      timers.set(
        sessionId,
        services.after(nextMs, () => wake(sessionId)),
      );
  }

  /** Fetches until nothing is due. Answers after how long something is; null: nothing is, or the session is not online. */
  async function fetchDue(sessionId: string): Promise<number | null> {
    for (;;) {
      const owned = find(sessionId);
      if (isStopped || !owned?.online()) return null;
      const due = await findDueDownloads(store, sessionId, { now: services.now(), limit: mostOfSession });
      if (due.length === 0) {
        const at = await nextDownloadAt(store, sessionId);
        return at === null ? null : Math.max(0, at - services.now().getTime());
      }
      await Promise.all(due.map((one) => fetchOne(owned, one)));
    }
  }

  function failed(sessionId: string, error: unknown): number | null {
    if (error instanceof LeaseLost) {
      options.lost(sessionId);
      return null;
    }
    logger.warn({ error }, "the files of received messages could not be fetched");
    return brokenMs;
  }

  function fetchOne(owned: Owned, due: DueDownload): Promise<void> {
    const key = `${owned.fence.sessionId} ${due.waId}`;
    const known = fetching.get(key);
    if (known) return known;
    const fetched = fetchFile(owned, due).finally(() => fetching.delete(key));
    fetching.set(key, fetched);
    return fetched;
  }

  async function fetchFile(
    { fence, online }: Owned,
    { messageId, waId, sealed, attempts }: DueDownload,
  ): Promise<void> {
    const { sessionId } = fence;
    const body = await openBody<MessageBody>(options.atRest(sessionId), { id: messageId, sealed });
    const socket = online();
    if (!socket) return;
    let result: Awaited<ReturnType<StoreInboundMedia>> = { problem: "unavailable" };
    if (body?.file) {
      const { chat, fromMe, participant, ...file } = body.file;
      const message = {
        messageId,
        waId: body.waId,
        chat,
        fromMe,
        ...(participant === undefined ? {} : { participant }),
      };
      try {
        result = await options.storeInboundMedia({ sessionId, socket }, message, file);
      } catch (error) {
        if (isStopped) return;
        const waitMs = waitsMs[attempts];
        logger.warn({ sessionId, messageId, attempts, error }, "the file of a message was not fetched");
        if (waitMs !== undefined) {
          const dueAt = new Date(services.now().getTime() + waitMs);
          await writeFenced(store, fence, [laterDownloadStatement(fence, { waId, attempts: attempts + 1, dueAt })]);
          return;
        }
      }
    }
    const [state, mediaId]: [MediaEnd, string | null] =
      "problem" in result
        ? [result.problem, null]
        : [result.mediaId === null ? "unavailable" : "stored", result.mediaId];
    const at = services.now();
    const about = { id: services.newId("evt"), sessionId, messageId, at: at.toISOString() };
    const event: NewEvent = { ...about, type: "message.media", mediaState: state, mediaId };
    const sealedEvent = await sealEvent(options.atRest(sessionId), event);
    const end = endDownloadStatements(fence, { waId, state, mediaId, body: sealedEvent, at });
    const [reported] = await writeFenced(store, fence, end);
    if (reported!.rowsAffected === 0 && mediaId !== null) await giveBack(fence, { ...about, mediaId });
    options.onAppended();
  }

  /** The message was deleted during the upload: the edge deletes its file again. */
  async function giveBack(fence: Fence, about: Pick<GivenUp, "id" | "sessionId" | "messageId" | "at" | "mediaId">) {
    const event: GivenUp = { ...about, type: "message.media", mediaState: "unavailable" };
    const body = await sealEvent(options.atRest(fence.sessionId), event);
    await writeFenced(store, fence, [appendBodyStatement(fence, body, new Date(about.at))]);
  }

  return {
    wake,
    async now(owned, messageId) {
      const { fence } = owned;
      const { sessionId } = fence;
      const found = await findKept(options, sessionId, messageId);
      if (!found?.body.file || !("media" in found.body.content)) return "media-not-found";
      const { row, body } = found;
      if ((await mediaDownloadOf(store, sessionId)) === "none") return "media-download-off";
      if (!owned.online()) return "session-not-online";
      const { waId, sealed } = row;
      if (!fetching.has(`${sessionId} ${waId}`))
        await writeFenced(store, fence, [askedDownloadStatement(fence, waId, services.now())]);
      const { promise: isLate, resolve } = Promise.withResolvers<void>();
      const cancel = services.after(answerMs, resolve);
      const fetched = fetchOne(owned, { messageId, waId, sealed, attempts: 0 });
      // A later attempt needs a timer, and a failure of the database another try.
      void fetched.catch((error: unknown) => failed(sessionId, error)).finally(() => wake(sessionId));
      await Promise.race([fetched.catch(() => undefined), isLate]).finally(cancel);
      const download = (await findDownloads(store, sessionId, [waId])).get(waId);
      return { ...withMedia(found.body.content, fetchedOf(body.file, download)).media };
    },
    stop() {
      isStopped = true;
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}
