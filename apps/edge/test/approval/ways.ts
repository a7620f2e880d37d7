import { type ApprovedVerification, tokenIn, type Verification } from "@sandi/contracts";
import { type Answer, startEdge } from "../harness.ts";
import { connectorOf } from "../senders.ts";
import type { Attack, Evidence, Way, World } from "./guards.ts";

/** One edge for many attacks: each has a number of its own. */
export async function startWorld(): Promise<World> {
  const edge = await startEdge();
  let numbers = 0;
  edge.workspace = await edge.addWorkspace("Acme", { allowReveal: true, prefixGuard: "off" });
  const stranger = await edge.addWorkspace("Other");
  return {
    edge,
    connector: connectorOf(edge),
    session: await edge.addSession(),
    nextNumber: () => `+62812345${String(++numbers).padStart(5, "0")}`,
    elsewhere: await edge.addSession("online", edge.workspace.id, "pool_elsewhere"),
    testKey: await edge.addKey(edge.workspace.id, undefined, { environment: "test" }),
    other: { key: stranger.key, session: await edge.addSession("online", stranger.id) },
  };
}

/** Makes a verification that is to be approved in this way; a problem's code where that is refused. */
async function make(
  world: World,
  way: Way,
  { to, input, isRehearsal }: Attack & { to: string },
): Promise<Verification | string> {
  const { edge, connector, session } = world;
  const key = isRehearsal ? world.testKey : edge.workspace.key;
  const create = (more: object) =>
    edge.api<Verification>("POST /v1/verifications", { to, purpose: "login", ...more }, { key });
  const modes: Partial<Record<Way, object>> = {
    "inbound match": { mode: "inbound" },
    "inbound reply": { mode: "inbound", inboundVariant: "reply" },
    auto: { mode: "auto" },
    "create again": { mode: "inbound" },
  };
  if (way === "fall-back at create") await connector.lock(session);
  if (way === "create again") await create({ mode: "inbound" });
  const { status, body } = await create({ ...modes[way], ...(await input?.(world)) });
  if (way === "fall-back at create") await connector.limits(session, {});
  if (status !== 202) return String(body.code);
  if (way === "fall-back later" && !isRehearsal) {
    await connector.claim(body.delivery!.messageId, session);
    await connector.failed(body.delivery!.messageId, session);
  }
  if (way === "resend") {
    edge.advance(30_000);
    await edge.api(`POST /v1/verifications/${body.id}/resend`, undefined, { key });
  }
  return (await edge.api<Verification>(`GET /v1/verifications/${body.id}`, undefined, { key })).body;
}

/** Goes the way with this evidence; a code that nobody was sent is not checked. Returns who approved, or the status. */
async function go(
  world: World,
  way: Way,
  { made, shown, knowsCode }: { made: Verification; shown: Evidence; knowsCode: boolean },
) {
  const { edge, connector } = world;
  const { key, code, to: number, purpose } = shown;
  const row = async () => (await edge.rows("SELECT * FROM verification WHERE id = ?", made.id))[0]!;
  const also = { bind: shown.bind, clientVerifier: shown.clientVerifier };
  let answer: Answer<Partial<ApprovedVerification>> | undefined;
  if (way === "approve") {
    answer = await edge.api(`POST /v1/verifications/${made.id}/approve`, { reason: "seen", ...also }, { key });
  } else if (way === "check by number") {
    answer = await edge.api("POST /v1/verifications/check", { to: number, purpose, code, ...also }, { key });
  } else {
    const token = tokenIn(made.inbound?.text ?? "");
    const { session, from, isForwarded } = shown;
    if (token !== null) await connector.report(session, "message.received", { from, token, isForwarded });
    const now = await row();
    const out = "SELECT id FROM message WHERE verification_id = ? AND status NOT IN ('failed', 'canceled')";
    const isOut = (await edge.rows(out, made.id)).length > 0;
    if (now["status"] !== "approved" && (isOut || knowsCode)) {
      answer = await edge.api(`POST /v1/verifications/${made.id}/check`, { code, ...also }, { key });
    }
  }
  const { status, approved_by: by, expires_at: expiresAt } = await row();
  if (status === "approved") return `${String(by)}${answer?.body.proof ? "+proof" : ""}`;
  return status === "pending" && Number(expiresAt) <= edge.services.now().getTime() ? "expired" : String(status);
}

/** The outcome of an attack, or of the same way without one. */
export async function outcome(world: World, way: Way, attack: Attack): Promise<string> {
  const { edge, session } = world;
  const to = world.nextNumber();
  const made = await make(world, way, { ...attack, to });
  if (typeof made === "string") return made;
  const right: Evidence = {
    code: made.status === "pending" ? await edge.codeOf(made.id) : "123456",
    key: edge.workspace.key,
    to,
    purpose: "login",
    from: to,
    session,
    isForwarded: false,
    ...attack.shown,
  };
  await attack.before?.(world, made, right);
  const knowsCode = attack.knowsCode ?? false;
  let seen = "";
  for (const each of attack.tries?.(world, right) ?? [{}]) {
    seen = await go(world, way, { made, shown: { ...right, ...each }, knowsCode });
  }
  return seen;
}

/** The same fields, and nothing wrong. */
export const withoutAttack = ({ input, shown, knowsCode }: Attack): Attack => ({
  ...(input ? { input } : {}),
  ...(shown ? { shown } : {}),
  ...(knowsCode ? { knowsCode } : {}),
});
