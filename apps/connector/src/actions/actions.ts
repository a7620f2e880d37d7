import { AppError } from "@sandi/contracts";
import { readGroup } from "../baileys/groups.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import { isLid } from "../content/jids.ts";
import { sealVote } from "../content/secrets.ts";
import { edit, editedContent, pin, reaction, revoke, vote } from "../content/write-changes.ts";
import type { ActionContext, Asked } from "./perform.ts";
import type { Target } from "./target.ts";

type Write = Asked["write"];
type Services = Pick<ActionContext["services"], "now" | "random">;

/** An empty emoji takes the reaction back. */
export const reactWith =
  ({ now }: Services, emoji: string): Write =>
  ({ key }) =>
    reaction(key, emoji, now());

/** Replaces the text, or the caption of a file. */
export const editTo =
  ({ now }: Services, text: string): Write =>
  ({ key, author, content, message }) => {
    if (author !== null) throw new AppError("message-not-editable", { detail: "Somebody else wrote it." });
    const edited = content && editedContent(content.type, text, message);
    if (!edited) throw new AppError("message-not-editable", { detail: "It has no text or caption." });
    return edit(key, edited, now());
  };

export const pinFor =
  ({ now }: Services, seconds: number | null): Write =>
  ({ key }) =>
    pin(key, seconds, now());

/** Deletes a message for everyone. Only admins may delete what others wrote in a group. */
export const deleteForEveryone: Write = async ({ key, author, group }, socket) => {
  if (author !== null) {
    if (group === null) throw new AppError("message-not-deletable");
    if (!(await isAdmin(socket, group))) throw new AppError("not-group-admin");
  }
  return revoke(key);
};

/** WhatsApp accepts the deletion from anybody, and phones ignore it. */
async function isAdmin(socket: WhatsAppSocket, group: string): Promise<boolean> {
  const own = new Set(socket.own());
  const { participants } = await socket.call(readGroup, group);
  return participants.some(({ person: { lid, phone }, role }) => {
    const isOwn = own.has(lid ?? "") || own.has(`${phone?.slice(1)}@s.whatsapp.net`);
    return isOwn && role !== "member";
  });
}

export const voteFor =
  ({ now, random }: Services, options: readonly string[]): Write =>
  (poll, socket) => {
    const { content, key, secret } = poll;
    if (content && content.type !== "poll") throw new AppError("not-a-poll");
    if (!content || !secret) throw new AppError("message-not-kept");
    const isValid = options.length <= content.maxSelections && options.every((one) => content.options.includes(one));
    if (!isValid) throw new AppError("vote-not-valid");
    return vote(key, sealVote({ waId: poll.waId, secret, ...votersOf(poll, socket) }, options, random), now());
  };

/** The poll's author and the account, both as the poll names its author: by LID, or by phone number. */
function votersOf({ author, group }: Target, socket: WhatsAppSocket): { author: string; actor: string } {
  const own = socket.own();
  const isByLid = author === null ? group !== null : isLid(author);
  const actor = own.find((jid) => isLid(jid) === isByLid) ?? own[0] ?? "";
  return { author: author ?? actor, actor };
}
