import type { SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";

/** In the protocol, 0 stands for any number of options. */
const anyNumber = 0;

export const poll: Kind<Extract<SealedContent, { type: "poll" }>> = {
  toProto({ question, options, maxSelections }) {
    const creation = {
      name: question,
      options: options.map((optionName) => ({ optionName })),
      selectableOptionsCount: maxSelections === options.length ? anyNumber : maxSelections,
    };
    return maxSelections === 1 ? { pollCreationMessageV3: creation } : { pollCreationMessage: creation };
  },
  fromProto({ pollCreationMessage, pollCreationMessageV2, pollCreationMessageV3 }) {
    const creation = pollCreationMessage ?? pollCreationMessageV2 ?? pollCreationMessageV3;
    const options = creation?.options?.flatMap(({ optionName }) => optionName ?? []);
    if (!creation?.name || !options?.length) return null;
    const maxSelections = creation.selectableOptionsCount || options.length;
    return { type: "poll", question: creation.name, options, maxSelections };
  },
};
