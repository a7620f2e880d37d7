import { child, node } from "../../wire/nodes.ts";
import type { Question } from "./question.ts";

/** `w:g2`: nobody is in a group here yet, and there is none to ask for. */
export function answerGroups({ iq, reply, refuse }: Question): void {
  if (child(iq, "participating")) reply([node("groups", {}, [])]);
  else refuse(404, "item-not-found");
}
