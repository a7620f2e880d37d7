import { createCipheriv, hkdfSync } from "node:crypto";
import { normalizeMessageContent, proto } from "@whiskeysockets/baileys";
import type { LinkedDevice } from "../phone/device.ts";
import { readMedia } from "../phone/content/media-kinds.ts";
import type { Phone } from "../phone/phone.ts";
import { jidOf, parseJid } from "../wire/jid.ts";
import { type BinaryNode, child, node } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";
import { publish } from "./transfer.ts";

const ivBytes = 12;
const { ResultType } = proto.MediaRetryNotification;

/** A companion found no file (`<receipt type=server-error>`): its phone uploads it again, or says that it has none. */
export function answerMediaRetry(world: World, phone: Phone, device: LinkedDevice, stanza: BinaryNode): void {
  const id = stanza.attrs["id"] ?? "";
  const rmr = child(stanza, "rmr");
  const answer = (content: BinaryNode) => {
    const attrs = { id, from: jidOf(phone, "pn"), type: "mediaretry", t: seconds(world) };
    device.mailbox.deliver(node("notification", attrs, [content, node("rmr", rmr?.attrs)]));
    phone.dirty = true;
  };
  if (!phone.online) return;
  phone
    .enqueue(() => uploadAgain(world, phone, { id, chatJid: rmr?.attrs["jid"] }))
    .then((found) => answer(found ?? node("error", { code: ResultType.NOT_FOUND })))
    .catch(() => answer(node("error", { code: ResultType.GENERAL_ERROR })));
}

async function uploadAgain(
  world: World,
  phone: Phone,
  { id, chatJid }: { id: string; chatJid: string | undefined },
): Promise<BinaryNode | undefined> {
  const chat = world.phones.byJid(parseJid(chatJid))?.e164 ?? chatJid ?? "";
  const content = phone.chat.contentOf(chat, id);
  const found = content && readMedia(normalizeMessageContent(content) ?? content);
  const mediaKey = found?.part.mediaKey;
  const sha256 = found?.shown.media.sha256 ?? "";
  if (!found || !mediaKey || world.files.size(sha256) === undefined) return undefined;
  const { directPath } = await publish(world, found.type, { sha256, mediaKey });
  const plain = proto.MediaRetryNotification.encode({ stanzaId: id, directPath, result: ResultType.SUCCESS }).finish();
  const key = Buffer.from(hkdfSync("sha256", mediaKey, "", "WhatsApp Media Retry Notification", 32));
  const iv = world.random(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(id));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return node("encrypt", {}, [node("enc_p", {}, sealed), node("enc_iv", {}, iv)]);
}
