import { type CheckReachability, type Reachability } from "@sandi/contracts";
import type { z } from "zod";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { senderOf } from "../messages/sender-of.ts";
import { readPhone } from "../phone.ts";
import { selectCandidate } from "../sessions/pick.ts";

/** Asks the sender which numbers have an account. */
export async function checkReachability(
  { services, actor }: Context,
  { numbers, sessionId }: z.infer<typeof CheckReachability>,
): Promise<Reachability["results"]> {
  const { db, now } = services;
  const phones = numbers.map((text, i) => readPhone(actor, text, `/numbers/${i}`));
  const sender = senderOf(tenantOf(actor));
  const route = { sessionId };
  const {
    rows: [candidate],
  } = await db.kysely.executeQuery(selectCandidate(db, actor.workspaceId, { route, at: now().getTime() }));
  const refusal = sender.refusalOf(route, candidate, { opensChat: false });
  if (refusal) throw refusal;
  return sender.lookUp(services, candidate, phones);
}
