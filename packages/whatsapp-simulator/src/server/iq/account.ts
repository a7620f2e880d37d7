import { jidOf, parseJid } from "../../wire/jid.ts";
import { child, children, node } from "../../wire/nodes.ts";
import { seconds } from "../../world.ts";
import type { Question } from "./question.ts";

const privacy: Record<string, string> = {
  readreceipts: "all",
  last: "all",
  online: "all",
  profile: "all",
  status: "all",
  groupadd: "all",
  calladd: "all",
  messages: "all",
};

/** `abt`: switches that clients fetch at login; none is on. */
export function answerProps({ reply }: Question): void {
  reply([node("props", { protocol: 1, ab_key: "sim", hash: "sim", refresh: 86_400 }, [])]);
}

export function answerBlocklist({ reply }: Question): void {
  reply([node("list", { dhash: "sim" }, [])]);
}

/** `privacy`: the settings, and the tokens with which a person allows a contact to write. */
export function answerPrivacy({ world, connection, iq, reply }: Question): void {
  if (iq.attrs["type"] === "get") {
    const categories = Object.entries(privacy).map(([name, value]) => node("category", { name, value }));
    reply([node("privacy", {}, categories)]);
    return;
  }
  reply();
  const { phone } = connection;
  if (!phone) return;
  for (const token of children(child(iq, "tokens"), "token")) {
    world.counters.tokensIssued++;
    const address = parseJid(token.attrs["jid"]);
    const trusted = world.phones.byJid(address);
    if (!trusted || trusted === phone) continue;
    const t = token.attrs["t"] ?? String(seconds(world));
    for (const device of trusted.devices.values()) {
      const content = [
        node("token", { jid: jidOf(trusted, "pn", device.id), type: "trusted_contact", t }, world.random(12)),
      ];
      const attrs = {
        id: world.random(6).toString("hex"),
        type: "privacy_token",
        t,
        from: jidOf(phone, "pn"),
        sender_lid: jidOf(phone, "lid"),
      };
      device.mailbox.deliver(node("notification", attrs, [node("tokens", {}, content)]));
      trusted.dirty = true;
    }
  }
}
