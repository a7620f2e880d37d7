import { AppError, type CheckReachability, type Reachability, ReachabilityRpc } from "@sandi/contracts";
import type { z } from "zod";
import type { Context } from "../context.ts";
import { parsePhone, type Phone } from "../phone.ts";
import { ask } from "../sessions/connector.ts";
import { noRoute, noSession, selectCandidate } from "../sessions/pick.ts";

/** The sandbox's number without an account. */
const unreachable = "01";

/** Asks a connector which numbers have an account. For test keys the sandbox answers. */
export async function checkReachability(
  ctx: Context,
  { numbers, sessionId }: z.infer<typeof CheckReachability>,
): Promise<Reachability["results"]> {
  const { services } = ctx;
  const { workspaceId, environment, policy } = ctx.actor;
  const isTest = environment === "test";
  const phones = numbers.map((text, i) =>
    parsePhone(text, { pointer: `/numbers/${i}`, defaultCountry: policy.defaultCountry, isTest }),
  );
  const { db, now } = services;
  const route = { sessionId };
  if (isTest && sessionId === undefined) return sandboxResults(phones);
  const { rows } = await db.kysely.executeQuery(selectCandidate(db, workspaceId, { route, at: now().getTime() }));
  const [candidate] = rows;
  if (isTest) {
    const missing = noRoute(route, candidate);
    if (missing) throw missing;
    return sandboxResults(phones);
  }
  const error = noSession(route, candidate);
  if (error || !candidate?.id) throw error ?? new AppError("no-eligible-session");
  const request = { sessionId: candidate.id, numbers: phones.map(({ e164 }) => e164) };
  return (await ask(services, ReachabilityRpc, request)).results;
}

const sandboxResults = (phones: readonly Phone[]) =>
  phones.map(({ e164, magic }) => ({ number: e164, isOnWhatsApp: magic !== unreachable }));
