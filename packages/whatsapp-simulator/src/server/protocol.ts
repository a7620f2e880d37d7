import type { proto } from "@whiskeysockets/baileys";
import { showTyping } from "../phone/show.ts";
import { type BinaryNode, child } from "../wire/nodes.ts";
import type { World } from "../world.ts";
import type { Connection, Protocol } from "./connection.ts";
import { answerIq } from "./iq/index.ts";
import { login } from "./login.ts";
import { acceptMessage } from "./messages.ts";
import { acceptReceipt } from "./receipts.ts";
import { offerPairing, withdrawPairing } from "./registration.ts";

/** The server behind the sockets. */
export function makeProtocol(world: World): Protocol {
  return {
    authenticated(connection, payload: proto.ClientPayload) {
      if (payload.devicePairingData) offerPairing(world, connection, payload.devicePairingData);
      else login(world, connection, payload);
    },
    stanza: (connection, stanza) => dispatch(world, connection, stanza),
    closed(connection) {
      world.connections.delete(connection);
      withdrawPairing(world, connection);
      connection.device?.sockets.delete(connection);
      connection.device?.mailbox.close(connection);
      if (connection.phone) world.emit({ type: "phone", phone: connection.phone.info() });
    },
  };
}

function dispatch(world: World, connection: Connection, stanza: BinaryNode): void {
  if (stanza.tag === "iq") {
    const reply = stanza.attrs["type"] === "result" || stanza.attrs["type"] === "error";
    if (reply) answered(connection, stanza);
    else answerIq(world, connection, stanza);
    return;
  }
  const { phone, device } = connection;
  if (!phone || !device) return;
  switch (stanza.tag) {
    case "message":
      acceptMessage(world, connection, phone, device, stanza);
      break;
    case "receipt":
      acceptReceipt(world, connection, phone, device, stanza);
      break;
    case "ack": {
      const { class: acked, id, type } = stanza.attrs;
      if (acked !== undefined && device.mailbox.confirm(acked, id, type)) phone.dirty = true;
      break;
    }
    case "chatstate":
      showTyping(world, phone, stanza.attrs["to"], child(stanza, "composing") !== undefined);
      break;
    default:
      // Presence and telemetry have no effect here.
      break;
  }
}

function answered(connection: Connection, stanza: BinaryNode): void {
  const id = stanza.attrs["id"] ?? "";
  const onReply = connection.replies.get(id);
  connection.replies.delete(id);
  onReply?.(stanza);
}
