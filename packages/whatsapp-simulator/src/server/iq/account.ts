import { mediaAuth } from "../../media/server.ts";
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

/** `privacy`: the settings, and tokens by which somebody allows a contact to write. */
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

/** `w:sync:app:state`: nothing was ever synced, so every collection stays where the client has it. */
export function answerAppState({ iq, reply }: Question): void {
  const collections = children(child(iq, "sync"), "collection").map(({ attrs, content }) => {
    const version = Number(attrs["version"] ?? 0) + (Array.isArray(content) && content.length > 0 ? 1 : 0);
    return node("collection", { name: attrs["name"], type: "result", version, has_more_patches: "false" });
  });
  reply([node("sync", {}, collections)]);
}

/** `w:m`: where media would go. */
export function answerMedia({ world, reply }: Question): void {
  reply([
    node("media_conn", { auth: mediaAuth, ttl: 3600, auth_ttl: 3600, max_buckets: 12 }, [
      node("host", { hostname: world.host }),
    ]),
  ]);
}
