import { askForPasskey, unlink } from "../../phone/link.ts";
import { parseJid } from "../../wire/jid.ts";
import { type BinaryNode, bytesOf, child, node, serverJid } from "../../wire/nodes.ts";
import { seconds } from "../../world.ts";
import { newReference } from "../registration.ts";
import type { Question } from "./question.ts";

/** `md`: pairing by code, and logout. */
export function answerLinking(question: Question): void {
  const { iq, reply } = question;
  const code = child(iq, "link_code_companion_reg");
  const removal = child(iq, "remove-companion-device");
  if (code?.attrs["stage"] === "companion_hello") hello(question, code);
  else if (code?.attrs["stage"] === "companion_finish") finish(question, code);
  else if (removal) logout(question);
  else reply();
}

function hello({ world, connection, reply, refuse }: Question, code: BinaryNode): void {
  const phone = world.phones.byJid(parseJid(code.attrs["jid"]));
  const wrappedEphemeral = bytesOf(code, "link_code_pairing_wrapped_companion_ephemeral_pub");
  if (!phone || !connection.offer || wrappedEphemeral?.length !== 80) {
    refuse(phone ? 400 : 404, phone ? "bad-request" : "item-not-found");
    return;
  }
  const reference = newReference(world, connection);
  phone.pairingRequest = { connection, reference, wrappedEphemeral };
  reply([
    node("link_code_companion_reg", { stage: "companion_hello" }, [
      node("link_code_pairing_ref", {}, Buffer.from(reference)),
    ]),
  ]);
  const fault = world.faults.take("empty-link-code", phone.number);
  if (fault) {
    const attrs = { from: serverJid, type: "link_code_companion_reg", id: world.random(6).toString("hex") };
    connection.send(node("notification", { ...attrs, t: seconds(world) }, [node("link_code_companion_reg", {})]));
    if (fault.passkey) askForPasskey(world, connection);
  }
  world.emit({ type: "phone", phone: phone.info() });
}

function finish({ world, reply, refuse }: Question, code: BinaryNode): void {
  const phone = world.phones.byJid(parseJid(code.attrs["jid"]));
  const reference = bytesOf(code, "link_code_pairing_ref")?.toString();
  const bundle = bytesOf(code, "link_code_pairing_wrapped_key_bundle");
  const identity = bytesOf(code, "companion_identity_public");
  const request = phone?.pairingRequest;
  if (!bundle || !identity || !request?.onFinish || request.reference !== reference) {
    refuse(404, "item-not-found");
    return;
  }
  reply();
  request.onFinish(bundle, identity);
}

function logout({ world, connection, reply }: Question): void {
  const { phone, device } = connection;
  reply();
  if (phone && device && phone.devices.has(device.id)) unlink(world, phone, device.id);
}
