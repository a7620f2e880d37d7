import type { Reader } from "./kind.ts";
import { parseParameters, textIn } from "./native-flow.ts";

/** A tap on a button or a row, in each form that clients send. */
export const reply: Reader = {
  fromProto({ interactiveResponseMessage, buttonsResponseMessage, listResponseMessage, templateButtonReplyMessage }) {
    const tap = () => {
      if (interactiveResponseMessage) {
        const { nativeFlowResponseMessage, body } = interactiveResponseMessage;
        return { id: textIn(parseParameters(nativeFlowResponseMessage?.paramsJson)["id"]), text: body?.text };
      }
      if (buttonsResponseMessage) {
        const { selectedButtonId, selectedDisplayText } = buttonsResponseMessage;
        return { id: selectedButtonId, text: selectedDisplayText };
      }
      if (listResponseMessage) {
        return { id: listResponseMessage.singleSelectReply?.selectedRowId, text: listResponseMessage.title };
      }
      return { id: templateButtonReplyMessage?.selectedId, text: templateButtonReplyMessage?.selectedDisplayText };
    };
    const { id, text } = tap();
    return id ? { type: "reply", id, text: text ?? "" } : null;
  },
};
