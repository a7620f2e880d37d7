import { eventsPath, tokenIn, type Verification } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
const to = "+6281234567890";

beforeEach(async () => {
  sessionId = await edge.addSession();
});

const create = async (input: Record<string, unknown> = {}) => {
  const { status, body } = await edge.api<Verification>("POST /v1/verifications", { to, mode: "inbound", ...input });
  expect(status).toBe(202);
  return body;
};
const get = async (id: string) => (await edge.api<Verification>(`GET /v1/verifications/${id}`)).body;
const tokenOf = ({ inbound }: Verification) => tokenIn(inbound?.text ?? "");
let seq = 0;
async function write(fields: Record<string, unknown>, session = sessionId) {
  seq++;
  const event = {
    id: `evt_01jd3k9v7hq2w8x5n4b6m${String(seq).padStart(5, "0")}`,
    seq,
    sessionId: session,
    at: edge.services.now().toISOString(),
    type: "message.received",
    from: to,
    token: null,
    isForwarded: false,
    ...fields,
  };
  const answer = await edge.internal(eventsPath, { connectorId: "a", events: [event] });
  expect(answer.status).toBe(200);
}

describe("an inbound verification", () => {
  it("answers a link, its QR code and the text, and sends nothing", async () => {
    const body = await create();
    expect(body).toMatchObject({ status: "pending", mode: "inbound", delivery: null, sendsLeft: 5 });
    const { link, qr, text, variant } = body.inbound ?? {};
    expect(variant).toBe("match");
    expect(new URL(link ?? "").href).toBe(`https://wa.me/6281200000001?text=${encodeURIComponent(text ?? "")}`);
    expect(qr).toMatch(/^<svg /);
    expect(tokenIn(text ?? "")).toMatch(/^[0-9A-Z]{13}$/);
    expect((await get(body.id)).inbound).toEqual(body.inbound);
    expect(await edge.count("message")).toBe(0);
    const dump = JSON.stringify(await edge.rows("SELECT * FROM verification"));
    expect(dump).not.toContain(tokenOf(body));
    await edge.settled();
    expect(edge.jobs).toEqual([]);
  });

  it("is approved by its token from the expected number, once", async () => {
    const body = await create();
    await write({ token: tokenOf(body) });
    const found = await get(body.id);
    expect(found).toMatchObject({ status: "approved", approvedBy: "inbound", inbound: null });
    expect(await edge.rows("SELECT code_mac, sealed_code, token_mac FROM verification")).toEqual([
      { code_mac: null, sealed_code: null, token_mac: null },
    ]);
    edge.advance(1000);
    await write({ token: tokenOf(body) });
    expect(await get(body.id)).toEqual(found);
  });

  it("answers the same link while it waits, without another send", async () => {
    const first = await create();
    edge.advance(1000);
    const second = await create();
    expect([second.id, second.created, second.sendsLeft]).toEqual([first.id, false, 5]);
    expect(second.inbound).toEqual(first.inbound);
  });

  it("keeps its session while that can be written to, and then takes another", async () => {
    const first = await create();
    const other = await edge.addSession();
    await edge.client.execute({ sql: "UPDATE session SET phone = '+6281200000002' WHERE id = ?", args: [other] });
    await edge.client.execute({ sql: "UPDATE session SET state = 'waiting' WHERE id = ?", args: [sessionId] });
    expect((await create()).inbound?.link).toBe(first.inbound?.link);
    await edge.client.execute({ sql: "UPDATE session SET state = 'ended' WHERE id = ?", args: [sessionId] });
    const second = await create();
    expect(second.inbound?.link).toContain("wa.me/6281200000002");
    await write({ token: tokenOf(first) }, sessionId);
    expect((await get(second.id)).status).toBe("pending");
    await write({ token: tokenOf(second) }, other);
    expect((await get(second.id)).status).toBe("approved");
  });

  it.each([
    ["somebody else", { from: "+6281234567891" }],
    ["somebody whose number is not known", { from: null }],
    ["a forward", { isForwarded: true }],
    ["another token", { token: "0000000000000" }],
  ])("is not approved by %s", async (_, fields) => {
    const body = await create();
    await write({ token: tokenOf(body), ...fields });
    expect((await get(body.id)).status).toBe("pending");
    expect((await get(body.id)).inbound?.receivedAt).toBeNull();
    await write({ token: tokenOf(body) });
    expect((await get(body.id)).status).toBe("approved");
  });

  it("is not approved on another session, another workspace's, after its time, or once canceled", async () => {
    const [late, canceled] = [await create({ purpose: "late", expiresIn: 60 }), await create({ purpose: "canceled" })];
    const body = await create();
    const elsewhere = await edge.addSession();
    await write({ token: tokenOf(body) }, elsewhere);
    const stranger = await edge.addWorkspace();
    await write({ token: tokenOf(body) }, await edge.addSession("online", stranger.id));
    expect((await get(body.id)).status).toBe("pending");
    await edge.api(`POST /v1/verifications/${canceled.id}/cancel`);
    edge.advance(60_000);
    for (const ended of [late, canceled]) await write({ token: tokenOf(ended) });
    expect([(await get(late.id)).status, (await get(canceled.id)).status]).toEqual(["expired", "canceled"]);
  });

  it("in the reply variant sends the code to the expected number, also for a hidden sender", async () => {
    for (const [purpose, from] of [
      ["a", to],
      ["b", null],
    ] as const) {
      const body = await create({ inboundVariant: "reply", purpose });
      const code = await edge.codeOf(body.id);
      await write({ token: tokenOf(body), from });
      const found = await get(body.id);
      expect(found).toMatchObject({ status: "pending", sendsLeft: 4, delivery: { status: "queued", sessionId } });
      await edge.settled();
      expect(edge.jobs.at(-1)).toMatchObject({
        kind: "send",
        body: { messageId: found.delivery?.messageId, sessionId },
      });
      const checked = await edge.api<Verification>(`POST /v1/verifications/${body.id}/check`, { code });
      expect([checked.status, checked.body.approvedBy]).toEqual([200, "code"]);
    }
    const other = await create({ inboundVariant: "reply", purpose: "c" });
    await write({ token: tokenOf(other), from: "+6281234567891" });
    expect((await get(other.id)).delivery).toBeNull();
  });

  it.each([
    ["bind", { bind: { amount: "IDR 9,000,000", payee: "Mallory" } }],
    ["clientBinding", { clientBinding: { method: "S256", challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" } }],
  ])("with a %s is always answered with the code, and cannot be asked to be a match", async (_, guard) => {
    const refused = await edge.api("POST /v1/verifications", {
      to,
      mode: "inbound",
      inboundVariant: "match",
      ...guard,
    });
    const items = [{ to, ...guard, inboundVariant: "match" }];
    const batch = await edge.api("POST /v1/verifications/batch", { verifications: items });
    const message = "must be `reply` with a `bind` or a `clientBinding`: the user's message alone shows neither";
    expect([refused.status, refused.body.errors]).toEqual([400, [{ pointer: "/inboundVariant", message }]]);
    expect([batch.status, batch.body.errors]).toEqual([400, [{ pointer: "/verifications/0/inboundVariant", message }]]);
    const body = await create(guard);
    expect(body.inbound?.variant).toBe("reply");
    // As rows were stored before.
    await edge.client.execute("UPDATE verification SET inbound_variant = 'match'");
    expect((await get(body.id)).inbound?.variant).toBe("reply");
    await write({ token: tokenOf(body) });
    expect(await get(body.id)).toMatchObject({ status: "pending", approvedBy: null, delivery: { status: "queued" } });
    const [row] = await edge.rows("SELECT template FROM message");
    expect(String(row?.["template"]).includes("Mallory")).toBe("bind" in guard);
  });

  it("is not answered with a pending one of the other variant", async () => {
    const match = await create();
    const reply = await create({ inboundVariant: "reply" });
    expect([reply.created, reply.inbound?.variant, (await get(match.id)).status]).toEqual([true, "reply", "canceled"]);
    await write({ token: tokenOf(match) });
    expect((await get(reply.id)).status).toBe("pending");
  });

  it("in the reply variant does not answer a number that a rule for a longer prefix may match", async () => {
    const body = await create({ inboundVariant: "reply" });
    await edge.api("POST /v1/access-rules", { effect: "block", kind: "prefix", value: to.slice(1, 10) });
    await write({ token: tokenOf(body) });
    expect([(await get(body.id)).status, await edge.count("message")]).toEqual(["pending", 0]);
  });

  it("in the reply variant answers no more often than codes may go to one number", async () => {
    const made: Verification[] = [];
    for (let i = 0; i < 8; i++) made.push(await create({ inboundVariant: "reply", purpose: `p${i}` }));
    for (const each of made) await write({ token: tokenOf(each), from: null });
    expect(await edge.count("message")).toBe(5);
  });

  it("is replaced by a push that is asked for, and the other way round", async () => {
    const inbound = await create();
    const push = await create({ mode: "push" });
    expect([push.mode, push.created, (await get(inbound.id)).status]).toEqual(["push", true, "canceled"]);
    edge.advance(30_000);
    const again = await create();
    expect([again.mode, (await get(push.id)).status]).toEqual(["inbound", "canceled"]);
  });

  it("survives a repeated batch of events, and one with a session that is gone", async () => {
    const body = await create();
    await write({ token: tokenOf(body) }, "ses_01jd3k9v7hq2w8x5n4b6m0c1ta");
    await Promise.all([write({ token: tokenOf(body) }), write({ token: tokenOf(body) })]);
    const types = await edge.rows("SELECT type FROM event WHERE type LIKE 'verification.%' ORDER BY seq");
    expect(types.map(({ type }) => type)).toEqual([
      "verification.created",
      "verification.received",
      "verification.approved",
    ]);
  });
});

describe("auto", () => {
  it("is inbound for a stranger, and push for a person who has written to that session", async () => {
    const first = await create({ mode: "auto" });
    expect([first.mode, first.inbound === null]).toEqual(["inbound", false]);
    await write({ from: to });
    const second = await create({ mode: "auto", purpose: "b" });
    expect([second.mode, second.delivery?.status]).toEqual(["push", "queued"]);
    const other = await create({ mode: "auto", to: "+6281234567891" });
    expect(other.mode).toBe("inbound");
  });

  it("is refused where the policy does not allow it", async () => {
    await edge.client.execute(`UPDATE workspace SET policy = '{"countries":["*"],"modes":["push"]}'`);
    edge.services.keyCache.clear();
    const answer = await edge.api("POST /v1/verifications", { to, mode: "auto" });
    expect([answer.status, answer.body.code]).toEqual([403, "policy-refuses"]);
  });
});
