import type { SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";
import { nativeFlow, readNativeFlow, textIn } from "./native-flow.ts";
import { numberedText } from "./numbered.ts";
import type { WireMessage } from "./wire.ts";

export const buttons: Kind<Extract<SealedContent, { type: "buttons" }>> = {
  toProto({ text, footer, buttons: options, render }) {
    if (render === "text") {
      return { extendedTextMessage: { text: numberedText({ text, footer, groups: [{ options }] }) } };
    }
    const replies = options.map((option) => ({
      name: "quick_reply" as const,
      parameters: { display_text: option.text, id: option.id },
    }));
    return nativeFlow({ text, footer, buttons: replies });
  },
  fromProto(message) {
    const { text, footer, options } = readReplies(message) ?? readLegacy(message) ?? {};
    if (text === undefined || !options?.length || options.some(({ id, text: words }) => !id || !words)) return null;
    return { type: "buttons", text, ...(footer ? { footer } : {}), buttons: options, render: "native" };
  },
};

function readReplies(message: WireMessage) {
  const flow = readNativeFlow(message);
  if (!flow || flow.buttons.some(({ name }) => name !== "quick_reply")) return null;
  const options = flow.buttons.map(({ parameters: { id, display_text: words } }) => ({
    id: textIn(id),
    text: textIn(words),
  }));
  return { text: flow.text, footer: flow.footer, options };
}

/** Buttons as clients sent them until 2023. */
function readLegacy({ buttonsMessage }: WireMessage) {
  if (!buttonsMessage) return null;
  const { contentText, footerText, buttons: all } = buttonsMessage;
  const options = (all ?? []).map(({ buttonId, buttonText }) => ({
    id: buttonId ?? "",
    text: buttonText?.displayText ?? "",
  }));
  return { text: contentText ?? "", footer: footerText ?? undefined, options };
}
