import type { Phone } from "../../phone/phone.ts";
import { digitsOf, jidOf, parseJid } from "../../wire/jid.ts";
import { type BinaryNode, bytesOf, child, children, node } from "../../wire/nodes.ts";
import { seconds, type World } from "../../world.ts";
import type { Question } from "./question.ts";
import { faultOfAnswer, faultOfUser } from "./usync-faults.ts";

/** `usync`: who is on WhatsApp, with which devices, under which LID. */
export function answerUsync(question: Question): void {
  const { world, connection, iq, reply } = question;
  const usync = child(iq, "usync");
  const asked = new Set(children(child(usync, "query")).map((protocol) => protocol.tag));
  if (asked.has("contact")) world.counters.contactQueries++;
  const fault = faultOfAnswer(question, asked);
  if (fault === "refused") return;
  const users = children(child(usync, "list"), "user").flatMap((user) => {
    const answer = userNode(world, user, asked);
    return fault ? [] : faultOfUser(world, connection.phone?.number, answer, asked);
  });
  reply([
    node(
      "usync",
      {
        sid: usync?.attrs["sid"],
        mode: usync?.attrs["mode"],
        context: usync?.attrs["context"],
        index: 0,
        last: "true",
      },
      [
        node(
          "result",
          {},
          [...asked].map((tag) => node(tag, {}, tag === fault?.about ? [fault.error] : undefined)),
        ),
        node("list", {}, users),
      ],
    ),
  ]);
}

function userNode(world: World, user: BinaryNode, asked: Set<string>): BinaryNode {
  const typed = bytesOf(user, "contact")?.toString("utf8");
  const jid = user.attrs["jid"];
  const address =
    typed === undefined ? parseJid(jid) : { user: digitsOf(typed) ?? "", device: 0, server: "s.whatsapp.net" };
  const found =
    world.phones.byJid(address) ?? (typed === undefined ? undefined : world.phones.dialled(digitsOf(typed) ?? ""));
  const phone = found && isFound(world, found, address?.server === "lid") ? found : undefined;
  const content: BinaryNode[] = [];
  if (asked.has("contact")) {
    content.push(node("contact", { type: phone ? "in" : "out" }, typed === undefined ? undefined : Buffer.from(typed)));
  }
  if (phone && asked.has("devices")) content.push(devicesNode(world, phone));
  // The server names the LID only to a client that asked by phone number.
  if (phone && asked.has("lid") && address?.server !== "lid") content.push(node("lid", { val: jidOf(phone, "lid") }));
  if (phone && asked.has("status"))
    content.push(node("status", { t: seconds(world) }, Buffer.from("Hey there! I am using WhatsApp.")));
  if (phone && asked.has("disappearing_mode")) content.push(node("disappearing_mode", { duration: 0, t: 0 }));
  // A query for another spelling is answered with the number that the account has.
  const answeredFor =
    jid ?? (phone ? jidOf(phone, "pn") : undefined) ?? (address?.user ? `${address.user}@s.whatsapp.net` : undefined);
  return node("user", { jid: answeredFor }, content);
}

/** An account that hides its number is found by its LID alone. */
function isFound(world: World, { number }: Phone, isByLid: boolean): boolean {
  if (world.faults.peek("unregistered", number)) return false;
  return isByLid || !world.faults.peek("lid-only", number);
}

function devicesNode(world: World, phone: Phone): BinaryNode {
  const devices = [
    node("device", { id: 0 }),
    ...[...phone.devices.keys()].map((id) => node("device", { id, "key-index": id })),
  ];
  return node("devices", {}, [
    node("device-list", { hash: "2:sim" }, devices),
    node("key-index-list", { ts: seconds(world) }),
  ]);
}
