import type { WireMessage } from "./wire.ts";

interface NativeFlow {
  text: string;
  footer?: string | undefined;
  buttons: { name: "quick_reply" | "single_select"; parameters: object }[];
}

/** WhatsApp's own buttons. A client shows them only when the stanza has a `biz` node. */
export function nativeFlow({ text, footer, buttons }: NativeFlow): WireMessage {
  return {
    interactiveMessage: {
      body: { text },
      footer: footer === undefined ? null : { text: footer },
      nativeFlowMessage: {
        buttons: buttons.map(({ name, parameters }) => ({ name, buttonParamsJson: JSON.stringify(parameters) })),
        messageVersion: 1,
      },
    },
  };
}

/** The text, the footer and the buttons of a message of that kind; null for other messages. */
export function readNativeFlow({ interactiveMessage }: WireMessage) {
  const { body, footer, nativeFlowMessage } = interactiveMessage ?? {};
  if (!nativeFlowMessage?.buttons) return null;
  const buttons = nativeFlowMessage.buttons.map(({ name, buttonParamsJson }) => ({
    name,
    parameters: parseParameters(buttonParamsJson),
  }));
  return { text: body?.text ?? "", footer: footer?.text || undefined, buttons };
}

/** Somebody else's JSON: anything may be in it. */
export function parseParameters(json: string | null | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json ?? "");
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

export const textIn = (value: unknown): string => (typeof value === "string" ? value : "");
