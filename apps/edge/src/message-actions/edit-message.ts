import { AppError, editWindowMs, EditMessageRpc, type Message } from "@sandi/contracts";
import type { Context as HonoContext } from "hono";
import type { Context } from "../context.ts";
import type { AppEnv } from "../http/app-env.ts";
import { changeMessage } from "../messages/change-message.ts";
import type { MessageRow } from "../messages/present.ts";
import { act } from "./act.ts";

interface Edit {
  id: string;
  part: "text" | "caption";
  /** What the part is to say. */
  words: string;
  metadata?: Record<string, unknown> | undefined;
}

const refuse = (detail: string) => new AppError("message-not-editable", { detail });

const withCaption: ReadonlySet<string> = new Set(["image", "video", "document"]);

/** Edits an own message on all phones. The metadata changes only if that succeeds. */
export async function editMessage(
  ctx: Context,
  c: HonoContext<AppEnv>,
  { id, part, words, metadata }: Edit,
): Promise<Message> {
  // The sandbox has no phones; the route itself is for test keys, too.
  if (ctx.actor.environment === "test") throw new AppError("test-keys-not-supported");
  const edited = await act(ctx, c, {
    id,
    rpc: EditMessageRpc,
    input: { text: words },
    check: (row, at) => requireEditable(row, part, at),
    effect: (_, at) => ({ editedAt: at }),
  });
  if (metadata === undefined) return edited;
  const { editedAt } = edited;
  return { ...(await changeMessage(ctx, { id, body: { metadata } })), editedAt };
}

function requireEditable({ direction, type, sentAt }: MessageRow, part: Edit["part"], at: number): void {
  if (direction === "inbound") throw refuse("Somebody else wrote it.");
  if (part === "text" && type !== "text") throw refuse(`A message of the type ${type} has no text to edit.`);
  if (part === "caption" && !withCaption.has(type)) throw refuse(`A message of the type ${type} has no caption.`);
  if (sentAt !== null && at - sentAt > editWindowMs) throw refuse("It was sent more than 15 minutes ago.");
}
