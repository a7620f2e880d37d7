import { LRUCache } from "lru-cache";
import { albumMessage } from "../content/album.ts";
import type { Services } from "../services.ts";
import type { OnlineSession } from "./resolve-session.ts";

/** Opens albums: their first message comes before the files. */
export interface Albums {
  /** Resolves when WhatsApp has the first message, or did not take it: then phones show the files one by one. */
  open(session: OnlineSession, album: Album): Promise<void>;
}

export interface Album {
  /** The jid. */
  chat: string;
  /** Always the same for an album, so that after a restart its first message is sent again as the same message. */
  waId: string;
  images: number;
  videos: number;
}

export function createAlbums({ random }: Pick<Services, "random">, ackTimeoutMs: number): Albums {
  const opened = new LRUCache<string, Promise<void>>({ max: 10_000 });

  async function send({ live, socket }: OnlineSession, { chat, waId, images, videos }: Album): Promise<void> {
    const awaited = live.connection.awaitAck(waId);
    const message = { ...albumMessage({ images, videos }), messageContextInfo: { messageSecret: random(32) } };
    try {
      await socket.send(chat, waId, message, []);
    } catch (error) {
      awaited.cancel();
      throw error;
    }
    const ack = await awaited.within(ackTimeoutMs);
    if (ack.type !== "sent") throw new Error("WhatsApp did not take the album's first message");
  }

  return {
    open(session, album) {
      const key = `${session.fence.sessionId} ${album.chat} ${album.waId}`;
      const before = opened.get(key);
      if (before) return before;
      const sent = send(session, album).catch(() => void opened.delete(key));
      opened.set(key, sent);
      return sent;
    },
  };
}
