import type { InstantFault } from "./faults.ts";
import { unlink } from "./phone/link.ts";
import { streamError } from "./server/connection.ts";
import { successOf } from "./server/login.ts";
import { pairDevice } from "./server/registration.ts";
import { jidOf } from "./wire/jid.ts";
import { type BinaryNode, node } from "./wire/nodes.ts";
import type { Client, World } from "./world.ts";

/** Acts on the open sockets of a number's companions; `number` is digits, or undefined for everybody's. */
export function strike(world: World, fault: InstantFault, number: string | undefined): void {
  for (const connection of world.connections) {
    const { phone, device } = connection;
    if (fault.kind === "out-of-turn" && number === undefined && !phone)
      connection.send(outOfTurn(world, connection, fault));
    if (!phone || !device) continue;
    if (number !== undefined && phone.number !== number) continue;
    if (fault.device !== undefined && device.id !== fault.device) continue;
    if (fault.kind === "device-removed") {
      if (phone.devices.has(device.id)) unlink(world, phone, device.id);
    } else if (fault.kind === "out-of-turn") connection.send(outOfTurn(world, connection, fault));
    else hit(connection, fault);
  }
}

/** A jid that clients refuse to decode, an empty chat state and an empty call. */
function unreadable({ phone }: Client): BinaryNode[] {
  const from = phone && jidOf(phone, "pn");
  return [node("receipt", { from: "@" }), node("chatstate", { from }, []), node("call", { from })];
}

type OutOfTurn = Extract<InstantFault, { kind: "out-of-turn" }>;

// oxlint-disable-next-line typescript/consistent-return -- the switch is exhaustive, as tsc knows
function outOfTurn(world: World, { phone, device }: Client, { says }: OutOfTurn): BinaryNode {
  switch (says) {
    case "success":
      return successOf(world, phone, device);
    case "pair-device":
      return pairDevice(world, [`2@${world.random(48).toString("base64")}`]);
    case "pair-success":
      return device?.pairSuccess ?? node("iq", {}, [node("pair-success")]);
  }
}

function hit(connection: Client, fault: Exclude<InstantFault, { kind: "device-removed" | "out-of-turn" }>): void {
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
