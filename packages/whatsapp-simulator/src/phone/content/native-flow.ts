import { z } from "zod";
import type { Content } from "./kind.ts";

/** The parts of a message with WhatsApp's own buttons; undefined for other messages, and for buttons that no phone can show. */
export function readFlow<Parameters extends z.ZodType>(
  { interactiveMessage }: Content,
  { name, parameters }: { name: string; parameters: Parameters },
): { text: string; footer: string | undefined; buttons: z.output<Parameters>[] } | undefined {
  const { body, footer, nativeFlowMessage } = interactiveMessage ?? {};
  const all = nativeFlowMessage?.buttons;
  if (!all?.length || all.some((button) => button.name !== name)) return undefined;
  const read = z.array(parameters).safeParse(all.map(({ buttonParamsJson }) => parse(buttonParamsJson)));
  if (!read.success) return undefined;
  return { text: body?.text ?? "", footer: footer?.text || undefined, buttons: read.data };
}

export function writeFlow(
  name: string,
  { text, footer, buttons }: { text: string; footer: string | undefined; buttons: object[] },
): Content {
  return {
    interactiveMessage: {
      body: { text },
      footer: footer === undefined ? null : { text: footer },
      nativeFlowMessage: {
        buttons: buttons.map((parameters) => ({ name, buttonParamsJson: JSON.stringify(parameters) })),
        messageVersion: 1,
      },
    },
  };
}

/** Undefined when it is no JSON. */
export function parse(json: string | null | undefined): unknown {
  try {
    return JSON.parse(json ?? "");
  } catch {
    return undefined;
  }
}
