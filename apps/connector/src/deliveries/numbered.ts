import type { AtRest } from "@sandi/crypto";
import type { Option } from "../content/options.ts";
import type { Services } from "../services.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import { findNumbered, numberedOptions, numberedStatement } from "../store/numbered.ts";
import type { Pseudonym } from "../store/pseudonyms.ts";
import type { Store } from "../store/store.ts";

/** Messages whose options were sent as a numbered text: people answer with a number or with an option's words. */
export interface NumberedTexts {
  /** Stores the options before the message is sent. Rejects with `LeaseLost`. */
  begin(fence: Fence, message: NewNumberedText): Promise<void>;
  /** The quoted message of this chat, or else its latest one; null when there is none that can be answered. */
  find(sessionId: string, asked: { chat: string[]; quoted: string | null }): Promise<NumberedText | null>;
}

interface NewNumberedText extends NumberedText {
  waId: string;
  /** The jid that it is sent to. */
  chat: string;
  keepUntil: Date;
}

export interface NumberedText {
  messageId: string;
  /** In the order of their numbers. */
  options: Option[];
}

interface Options {
  services: Pick<Services, "now">;
  store: Store;
  atRest: (sessionId: string) => AtRest;
  pseudonym: Pseudonym;
}

export function createNumberedTexts({ services, store, atRest, pseudonym }: Options): NumberedTexts {
  return {
    async begin(fence, { waId, messageId, chat, options, keepUntil }) {
      const sealed = await numberedOptions.seal(atRest(fence.sessionId), JSON.stringify(options), waId);
      const row = { waId, messageId, chat: pseudonym(chat), sealed, at: services.now(), until: keepUntil };
      await writeFenced(store, fence, [numberedStatement(fence, row)]);
    },
    async find(sessionId, { chat, quoted }) {
      const asked = { sessionId, chat: chat.map(pseudonym), quoted, now: services.now() };
      const row = await findNumbered(store, asked);
      if (!row) return null;
      const options = await numberedOptions.open(atRest(sessionId), row.sealed, row.waId);
      return { messageId: row.messageId, options: JSON.parse(options) as Option[] };
    },
  };
}
