import type { InStatement } from "@libsql/client";
import type { Option } from "../content/options.ts";

/** A message that is about to be sent. */
export interface Attempt {
  messageId: string;
  waId: string;
  chat: string;
  message: Uint8Array<ArrayBuffer>;
  keepUntil: Date;
  /** It keeps the session's pace, and counts for its daily limit. */
  isPaced: boolean;
  /** What people may choose by its number; none in a message without numbers. */
  options: Option[];
  /** Later events of the message belong to this trace. */
  traceparent: string;
  /** Statements that keep the message in its chat; none for a code. */
  inChat?: InStatement[];
  /** The chat's id; absent for a code. */
  conversationId?: string;
  /** How many others are in the group, or can see the story; absent in a chat of two. */
  members?: number;
}
