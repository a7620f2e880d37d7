import type { Incident, Pool, Session, SessionHealth, Verification } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { connectorOf, recipient, seeVerification, text, verify } from "./senders.ts";

const dayMs = 86_400_000;
const [x, y] = ["+6281200000001", "+6281200000009"];
let edge: Edge;
useEdge((started) => (edge = started));
let connector: ReturnType<typeof connectorOf>;
let session: string;
beforeEach(async () => {
  connector = connectorOf(edge);
  const { body } = await edge.api<Session>("POST /v1/sessions", { name: "Support" });
  session = body.id;
  await link(x);
});

const state = (name: string, phone: string | null, reason: string | null = null) =>
  connector.report(session, "session.state", { state: name, reason, phone, revision: 1 });
async function link(phone: string) {
  edge.advance(1000);
  await state("connecting", phone);
  edge.advance(1000);
  await state("online", phone);
  edge.advance(1000);
}
const unlink = () => state("ended", null, "logged_out");
const look = async () => (await edge.api<Session>(`GET /v1/sessions/${session}`)).body;
const health = async () => (await edge.api<SessionHealth>(`GET /v1/sessions/${session}/health`)).body;
const openIncidents = async () => {
  const { body } = await edge.api<{ incidents: Incident[] }>("GET /v1/incidents");
  return body.incidents.filter(({ closedAt }) => closedAt === null).map(({ kind }) => kind);
};
const wrote = (at: number) => {
  const message = { from: recipient, token: null, isForwarded: false, at: new Date(at).toISOString() };
  return connector.report(session, "message.received", message);
};
const auto = async () => (await verify(edge, { mode: "auto" })).body;

describe("another account on a session", () => {
  it("does not know the contacts of the former account: `auto` asks the user to write", async () => {
    await connector.wrote(session);
    const first = await auto();
    expect(first.mode).toBe("push");
    await edge.api(`POST /v1/verifications/${first.id}/cancel`);
    await unlink();
    await link(y);
    const { mode, inbound } = await auto();
    expect([mode, inbound?.link]).toEqual(["inbound", expect.stringContaining(`wa.me/${y.slice(1)}?`)]);
    expect(await edge.count("warm_contact")).toBe(0);
  });

  it("ignores late events of the former account", async () => {
    const { body } = await text(edge);
    await connector.claim(body.id, session);
    const at = edge.services.now().toISOString();
    await unlink();
    await link(y);
    await connector.report(session, "message.received", { from: recipient, token: null, isForwarded: false, at });
    await connector.report(session, "message.sent", { messageId: body.id, at });
    const locked = { newChatsLockedUntil: new Date(edge.services.now().getTime() + dayMs).toISOString() };
    await connector.report(session, "session.limits", { ...locked, newChats: null, pausedUntil: null, at });
    expect(await edge.count("warm_contact")).toBe(0);
    expect((await look()).limits).toBe(null);
    await connector.wrote(session);
    expect(await edge.count("warm_contact")).toBe(1);
  });

  it("knows who wrote in the second in which it was linked: WhatsApp names no milliseconds", async () => {
    await unlink();
    edge.advance(198);
    await link(y);
    const linkedAt = Date.parse((await look()).linkedAt ?? "");
    expect(linkedAt % 1000).not.toBe(0);
    const second = linkedAt - (linkedAt % 1000);
    await wrote(second - 1000);
    expect(await edge.count("warm_contact")).toBe(0);
    await wrote(second);
    expect((await auto()).mode).toBe("push");
  });

  it("starts with a score, counts, limits and a warm-up of its own", async () => {
    const { body } = await edge.api<{ pools: Pool[] }>("GET /v1/pools");
    await edge.api(`PATCH /v1/pools/${body.pools[0]!.id}`, { newChatsPerDay: "warm_up", fallback: "fail" });
    edge.advance(5 * dayMs);
    const stranger = (i: number) => text(edge, { to: `+62812345670${String(i).padStart(2, "0")}` });
    for (let i = 0; i < 15; i++) {
      const { status, body: sent } = await stranger(i);
      expect(status).toBe(202);
      await connector.claim(sent.id, session);
      if (i < 3) await connector.sent(sent.id, session);
      else await connector.failed(sent.id, session, "refused");
    }
    await connector.lock(session);
    expect(await look()).toMatchObject({ limits: { newChatsLockedUntil: expect.any(String) } });
    expect((await look()).score).toBeLessThan(50);
    expect(await health()).toMatchObject({ lastHour: { sent: 3, failed: 12 } });
    expect(await openIncidents()).toContain("limited");

    await unlink();
    await link(y);
    expect(await look()).toMatchObject({ limits: null, score: 100 });
    expect(await health()).toMatchObject({ lastHour: { sent: 0, failed: 0 }, lastSentAt: null });
    expect(await openIncidents()).toEqual([]);
    const answers: number[] = [];
    for (let i = 0; i < 11; i++) answers.push((await stranger(50 + i)).status);
    expect(answers).toEqual([...Array<number>(10).fill(202), 409]);
  });

  it("counts recipients of waiting messages as new chats, and sends the messages", async () => {
    const { body } = await text(edge);
    await unlink();
    await link(y);
    expect(await edge.rows("SELECT waiting, new_chats FROM session")).toEqual([{ waiting: 1, new_chats: 1 }]);
    expect(await connector.claim(body.id, session)).toBe("claimed");
  });

  it("ends pending inbound verifications, whose links name the former number, and nothing else", async () => {
    const [inbound, push] = [
      (await verify(edge, { mode: "inbound" })).body,
      (await verify(edge, { mode: "push", to: "+6281234567891" })).body,
    ];
    await unlink();
    expect((await seeVerification(edge, inbound)).status).toBe("pending");
    await link(y);
    expect((await seeVerification(edge, inbound)).status).toBe("undeliverable");
    expect((await seeVerification(edge, push)).status).toBe("pending");
    const { status, body } = await edge.api<Verification>("POST /v1/verifications", { to: recipient, mode: "inbound" });
    expect([status, body.inbound?.link]).toEqual([202, expect.stringContaining(`wa.me/${y.slice(1)}?`)]);
    await link(y);
    expect((await seeVerification(edge, body)).status).toBe("pending");
  });
});

describe("the same account linked again", () => {
  it("continues with its contacts, limits and pending verifications", async () => {
    await connector.wrote(session);
    await connector.lock(session);
    const before = await look();
    const { body } = await verify(edge, { mode: "inbound" });
    await unlink();
    edge.advance(60_000);
    await link(x);
    const after = await look();
    expect([after.linkedAt, after.limits]).toEqual([before.linkedAt, before.limits]);
    expect((await seeVerification(edge, body)).status).toBe("pending");
    await edge.rows("UPDATE verification SET status = 'canceled'");
    expect((await auto()).mode).toBe("push");
  });

  it("is not reset by a repeated or late event", async () => {
    await unlink();
    await link(y);
    await connector.wrote(session);
    const { linkedAt } = await look();
    const [{ state_seq: seq } = {}] = await edge.rows("SELECT state_seq FROM session");
    const late = { state: "online", reason: null, phone: x, revision: 1 };
    await connector.report(session, "session.state", { ...late, seq: Number(seq) - 1 });
    await connector.report(session, "session.state", { ...late, seq: Number(seq) });
    expect(await look()).toMatchObject({ phone: y, lastPhone: y, linkedAt });
    expect(await edge.count("warm_contact")).toBe(1);
  });
});

describe("a session", () => {
  it("shows its last account after it was unlinked, and its history shows each, masked", async () => {
    const linkedAt = (await look()).linkedAt;
    await unlink();
    expect(await look()).toMatchObject({ phone: null, lastPhone: x, linkedAt });
    await link(y);
    expect(await look()).toMatchObject({ phone: y, lastPhone: y });
    const { body } = await edge.api<{ events: Record<string, unknown>[] }>(`GET /v1/sessions/${session}/events`);
    const told = body.events.filter(({ type }) => type === "session.account");
    expect(told.map(({ number, isLinked }) => [number, isLinked])).toEqual([
      ["+62812•••0009", true],
      ["+62812•••0001", false],
      ["+62812•••0001", true],
    ]);
    expect(JSON.stringify(body)).not.toContain(x.slice(1));
  });

  it("that was never linked has no account", async () => {
    const { body } = await edge.api<Session>("POST /v1/sessions", { name: "Fresh" });
    expect(body).toMatchObject({ phone: null, lastPhone: null, linkedAt: null });
  });
});
