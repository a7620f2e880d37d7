import { GetGroupRpc } from "@sandi/contracts";
import { readGroup } from "../baileys/groups.ts";
import type { Services } from "../services.ts";
import { handle, type HandledRpc } from "./handle.ts";
import { createAskWhatsApp } from "./whatsapp.ts";

/** WhatsApp answers 403 to an account that is not in the group, and 404 for a group that does not exist. */
const notFound = { 403: "group-not-found", 404: "group-not-found" } as const;

/** The calls about groups. */
export function groupCalls(services: Pick<Services, "now">): HandledRpc[] {
  const askWhatsApp = createAskWhatsApp(services);
  return [
    handle(GetGroupRpc, (call) => askWhatsApp(call, (socket) => socket.call(readGroup, call.input.groupId), notFound)),
  ];
}
