import { jsonHeaders, type Provider } from "../provider.ts";

/** A chat, and the bot that writes there. */
export interface TelegramTarget {
  kind: "telegram";
  botToken: string;
  chatId: string;
}

export const telegram: Provider<TelegramTarget> = {
  request({ botToken, chatId }, { message: { text }, telegramUrl }) {
    const body = { chat_id: chatId, text, link_preview_options: { is_disabled: true } };
    return { url: `${telegramUrl}/bot${botToken}/sendMessage`, headers: jsonHeaders, body: JSON.stringify(body) };
  },
  labelOf: ({ chatId }) => `chat ${chatId.startsWith("@") ? chatId.slice(0, 3) : ""}•••${chatId.slice(-3)}`,
  refusalOf({ text }) {
    const description = /"description"\s*:\s*"([^"\\]+)"/.exec(text)?.[1];
    return description !== undefined && /^[\w ,.:;'()/-]{1,200}$/.test(description) ? description : undefined;
  },
  waitIn: (text) => /"retry_after"\s*:\s*([0-9]{1,6})\b/.exec(text)?.[1],
  // A group that was upgraded to a supergroup has a new id. Telegram refuses the old one and names the new one.
  movedTo(target, { status, text }) {
    const chatId = status === 400 ? /"migrate_to_chat_id"\s*:\s*(-?[0-9]{1,20})\b/.exec(text)?.[1] : undefined;
    return chatId === undefined ? undefined : { ...target, chatId };
  },
};
