import type { InstantFault } from "./faults.ts";
import { unlink } from "./phone/link.ts";
import { streamError } from "./server/connection.ts";
import { jidOf } from "./wire/jid.ts";
import { type BinaryNode, node } from "./wire/nodes.ts";
import type { Client, World } from "./world.ts";

/** Acts on the open sockets of a number's companions; `number` is digits, or undefined for everybody's. */
export function strike(world: World, fault: InstantFault, number: string | undefined): void {
  for (const connection of world.connections) {
    const { phone, device } = connection;
    if (!phone || !device) continue;
    if (number !== undefined && phone.number !== number) continue;
    if (fault.device !== undefined && device.id !== fault.device) continue;
    if (fault.kind === "device-removed") {
      if (phone.devices.has(device.id)) unlink(world, phone, device.id);
    } else hit(connection, fault);
  }
}

/** A jid of nobody, which clients refuse to decode; a chat state that says nothing; a call about nothing. */
function unreadable({ phone }: Client): BinaryNode[] {
  const from = phone && jidOf(phone, "pn");
  return [node("receipt", { from: "@" }), node("chatstate", { from }, []), node("call", { from })];
}

function hit(connection: Client, fault: Exclude<InstantFault, { kind: "device-removed" }>): void {
  switch (fault.kind) {
    case "replaced":
      return connection.end(streamError(undefined, node("conflict", { type: "replaced" })));
    case "stream-error":
      return connection.end(streamError(fault.code));
    case "downgrade":
      return connection.end(node("ib", {}, [node("downgrade_webclient")]));
    case "stream-end":
      return connection.end(node("xmlstreamend"));
    case "drop":
      return connection.drop();
    case "unreadable":
      for (const stanza of unreadable(connection)) connection.send(stanza);
  }
}
