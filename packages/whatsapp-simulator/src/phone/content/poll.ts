import { z } from "zod";
import type { Kind } from "./kind.ts";

const fields = z.object({
  question: z.string().min(1).max(255),
  options: z.array(z.string().min(1).max(100)).min(2).max(12),
  maxSelections: z.number().int().min(1).max(12).default(1),
});

export const poll: Kind<typeof fields> = {
  fields,
  read({ pollCreationMessage, pollCreationMessageV2, pollCreationMessageV3 }) {
    const creation = pollCreationMessage ?? pollCreationMessageV2 ?? pollCreationMessageV3;
    if (!creation) return undefined;
    const options = (creation.options ?? []).map(({ optionName }) => optionName ?? "");
    const question = creation.name ?? "";
    // 0: any number of them.
    const maxSelections = creation.selectableOptionsCount || options.length;
    return { text: [question, ...options.map((each) => `• ${each}`)].join("\n"), question, options, maxSelections };
  },
  write({ question, options, maxSelections }) {
    const creation = {
      name: question,
      options: options.map((optionName) => ({ optionName })),
      selectableOptionsCount: maxSelections === 1 ? 1 : 0,
    };
    return maxSelections === 1 ? { pollCreationMessageV3: creation } : { pollCreationMessage: creation };
  },
};
