import { z } from "zod";
import type { Kind } from "./kind.ts";
import { parse } from "./native-flow.ts";

/** A tap on a button or a row: `id` is the option's, `text` stands on it. */
const fields = z.object({ id: z.string().min(1).max(1000), text: z.string().min(1).max(1000) });

export const reply: Kind<typeof fields> = {
  fields,
  read({ interactiveResponseMessage: response }) {
    if (!response) return undefined;
    const read = z.object({ id: z.string() }).safeParse(parse(response.nativeFlowResponseMessage?.paramsJson));
    return read.success ? { id: read.data.id, text: response.body?.text ?? "" } : undefined;
  },
  write: ({ id, text }) => ({
    interactiveResponseMessage: {
      body: { text },
      nativeFlowResponseMessage: { name: "quick_reply", paramsJson: JSON.stringify({ id }), version: 3 },
    },
  }),
};
