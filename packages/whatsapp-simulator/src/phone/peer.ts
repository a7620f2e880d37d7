import { deflateSync } from "node:zlib";
import { proto } from "@whiskeysockets/baileys";
import { jidOf, parseJid } from "../wire/jid.ts";
import { seconds, type World } from "../world.ts";
import type { Content } from "./content/content.ts";
import type { LinkedDevice } from "./device.ts";
import type { Envelope } from "./envelope.ts";
import type { Phone } from "./phone.ts";
import { writePeer } from "./write.ts";

const { Type } = proto.Message.ProtocolMessage;

/** A phone gives a new companion, once, the key for app state and its history (without history a first login waits 20 s). */
export async function bootstrap(world: World, phone: Phone, device: LinkedDevice): Promise<void> {
  device.bootstrapped = true;
  phone.dirty = true;
  const key = phone.appState.key(world);
  await phone.enqueue(async () => {
    await writePeer(world, phone, device, {
      protocolMessage: {
        type: Type.APP_STATE_SYNC_KEY_SHARE,
        appStateSyncKeyShare: {
          keys: [
            {
              keyId: { keyId: key.id },
              keyData: {
                keyData: key.data,
                fingerprint: { rawId: phone.registrationId, currentIndex: device.id, deviceIndexes: [0, device.id] },
                timestamp: key.createdAt,
              },
            },
          ],
        },
      },
    });
    await writePeer(world, phone, device, {
      protocolMessage: { type: Type.HISTORY_SYNC_NOTIFICATION, historySyncNotification: history(world, phone) },
    });
  });
}

function history(world: World, phone: Phone): proto.Message.IHistorySyncNotification {
  const { HistorySyncType } = proto.HistorySync;
  const contacts = new Set(phone.chat.all().map((message) => message.chat.slice(1)));
  const known = [...contacts].flatMap((number) => world.phones.byNumber(number) ?? []);
  const content = proto.HistorySync.encode({
    syncType: HistorySyncType.INITIAL_BOOTSTRAP,
    chunkOrder: 1,
    progress: 100,
    conversations: known.map((each) => ({ id: jidOf(each, "pn"), name: each.name, lidJid: jidOf(each, "lid") })),
    phoneNumberToLidMappings: known.map((each) => ({ pnJid: jidOf(each, "pn"), lidJid: jidOf(each, "lid") })),
  }).finish();
  return {
    syncType: proto.Message.HistorySyncType.INITIAL_BOOTSTRAP,
    chunkOrder: 1,
    progress: 100,
    initialHistBootstrapInlinePayload: deflateSync(content),
  };
}

/** A companion asks its phone for a message that it could not read. */
export async function answerPeerRequest(
  world: World,
  phone: Phone,
  envelope: Envelope,
  content: Content,
): Promise<void> {
  const device = phone.devices.get(envelope.fromDevice);
  const asked = content.deviceSentMessage?.message ?? content;
  const request = asked.protocolMessage?.peerDataOperationRequestMessage;
  if (!device || !request?.placeholderMessageResendRequest?.length) return;
  const results = request.placeholderMessageResendRequest.flatMap(({ messageKey }) => {
    const { remoteJid, id } = messageKey ?? {};
    const chat = world.phones.byJid(parseJid(remoteJid ?? undefined))?.e164 ?? remoteJid;
    const message = chat && id ? phone.chat.contentOf(chat, id) : undefined;
    if (!message) return [];
    const info = proto.WebMessageInfo.encode({
      key: messageKey ?? null,
      message,
      messageTimestamp: seconds(world),
    }).finish();
    return { placeholderMessageResendResponse: { webMessageInfoBytes: info } };
  });
  if (results.length === 0) return;
  await writePeer(world, phone, device, {
    protocolMessage: {
      type: Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
      peerDataOperationRequestResponseMessage: {
        stanzaId: envelope.id,
        peerDataOperationResult: results,
        peerDataOperationRequestType: request.peerDataOperationRequestType ?? null,
      },
    },
  });
}
