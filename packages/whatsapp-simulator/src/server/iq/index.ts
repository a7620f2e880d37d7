import { answerAppState } from "../../app-state/iq.ts";
import { answerGroups } from "../../groups/iq.ts";
import { answerMedia } from "../../media/iq.ts";
import { type BinaryNode, node, serverJid } from "../../wire/nodes.ts";
import type { Client, World } from "../../world.ts";
import { activate } from "../login.ts";
import { answerBlocklist, answerPrivacy, answerProps } from "./account.ts";
import { answerEncrypt } from "./keys.ts";
import { answerLinking } from "./linking.ts";
import { answerMex } from "./mex.ts";
import type { Question } from "./question.ts";
import { answerUsync } from "./usync.ts";

const handlers: Record<string, (question: Question) => void> = {
  encrypt: answerEncrypt,
  usync: answerUsync,
  md: answerLinking,
  passive: answerPassive,
  "w:p": answerPing,
  abt: answerProps,
  blocklist: answerBlocklist,
  privacy: answerPrivacy,
  "w:sync:app:state": answerAppState,
  "w:mex": answerMex,
  "w:m": answerMedia,
  "w:g2": answerGroups,
  "w:profile:picture": ({ refuse }) => refuse(404, "item-not-found"),
  // Telemetry and settings without an effect here.
  "w:stats": ({ reply }) => reply(),
  "urn:xmpp:whatsapp:dirty": ({ reply }) => reply(),
  "urn:xmpp:whatsapp:push": ({ reply }) => reply(),
  status: ({ reply }) => reply(),
  disappearing_mode: ({ reply }) => reply(),
};

/** Every IQ is answered: a client waits up to a minute for one that is not. */
export function answerIq(world: World, connection: Client, iq: BinaryNode): void {
  const { id, xmlns = "" } = iq.attrs;
  const question: Question = {
    world,
    connection,
    iq,
    reply: (content) => connection.send(node("iq", { from: serverJid, id, type: "result" }, content)),
    refuse: (code, text, backoff) =>
      connection.send(node("iq", { from: serverJid, id, type: "error" }, [node("error", { code, text, backoff })])),
  };
  const handler = handlers[xmlns];
  // An unpaired client may only be kept alive and pair.
  if (!connection.device && xmlns !== "md" && xmlns !== "w:p") {
    question.refuse(401, "not-authorized");
    return;
  }
  const fault = world.faults.peek("iq-error", connection.phone?.number);
  if (fault?.xmlns === xmlns) {
    world.faults.take("iq-error", connection.phone?.number);
    question.refuse(fault.code, "refused", fault.backoff);
    return;
  }
  if (!handler) {
    world.counters.unknownIqs[xmlns] = (world.counters.unknownIqs[xmlns] ?? 0) + 1;
    question.reply();
    return;
  }
  handler(question);
}

function answerPing({ world, connection, reply }: Question): void {
  if (!world.faults.peek("no-pong", connection.phone?.number)) reply();
}

function answerPassive({ world, connection, iq, reply }: Question): void {
  reply();
  const isActive = Array.isArray(iq.content) && iq.content[0]?.tag === "active";
  if (isActive && connection.phone && connection.device)
    activate(world, connection, connection.phone, connection.device);
}
