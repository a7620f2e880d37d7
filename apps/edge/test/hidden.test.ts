import {
  type AnalyticsSummary,
  eventsPath,
  type Message,
  type Scope,
  type Timeline,
  type Verification,
  type VerificationList,
} from "@sandi/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { z } from "zod";
import { runCron } from "../src/cron.ts";
import { type Answer, type Edge, startEdge, wrong } from "./harness.ts";

let edge: Edge;
let sessionId: string;
/** A number without an account, and one whose phone is off. */
const gone = "+6281234567890";
const off = "+6281234567891";
const scopes: Scope[] = ["otp:send", "otp:check", "otp:custom", "otp:approve", "analytics:read", "message:send"];
let seeing: string;
let blind: string;

beforeEach(async () => {
  edge = await startEdge();
  sessionId = await edge.addSession();
  seeing = await edge.addKey(edge.workspace.id, [...scopes, "lookup:read"]);
  blind = await edge.addKey(edge.workspace.id, scopes);
});
afterEach(async () => {
  await edge.settled();
  edge.close();
});

let seq = 0;
async function report(type: string, fields: Record<string, unknown>) {
  seq++;
  const id = `evt_01jd3k9v7hq2w8x5n4b6m${String(seq).padStart(5, "0")}`;
  const event = { id, seq, sessionId, at: edge.services.now().toISOString(), type, ...fields };
  expect((await edge.internal(eventsPath, { connectorId: "a", events: [event] })).status).toBe(200);
}

async function claim(messageId: string) {
  const claims = [{ messageId, sessionId, fence: 1 }];
  await edge.internal("/internal/messages/claim", { connectorId: "a", claims });
}

/** What becomes of a message: nothing of it is read, or its number has no account. */
async function settle(messageId: string, to: string) {
  await claim(messageId);
  edge.advance(500);
  if (to === gone) await report("message.failed", { messageId, reason: "not_on_whatsapp" });
  else await report("message.sent", { messageId });
}

async function create(to: string, key: string, input: Record<string, unknown> = {}) {
  const answer = await edge.api<Verification>("POST /v1/verifications", { to, purpose: "login", ...input }, { key });
  if (answer.status === 202 && answer.body.delivery?.status === "queued") {
    await settle(answer.body.delivery.messageId, to);
  }
  return answer;
}
const act = (id: string, verb: string, body: unknown, key: string) =>
  edge.api<Verification>(`POST /v1/verifications/${id}/${verb}`, body, { key });
const get = async (id: string, key: string) =>
  (await edge.api<Verification>(`GET /v1/verifications/${id}`, undefined, { key })).body;
const timeline = async (id: string, key: string) =>
  (await edge.api<z.infer<typeof Timeline>>(`GET /v1/verifications/${id}/events`, undefined, { key })).body.events;
const withStatus = async (status: string, key: string) =>
  (await edge.api<VerificationList>(`GET /v1/verifications?status=${status}`, undefined, { key })).body.verifications;
const countsFor = async (key: string, query = "") =>
  (await edge.api<AnalyticsSummary>(`GET /v1/analytics/summary${query}`, undefined, { key })).body.total.counts;

/** What an answer says, without what differs between any two numbers: ids, and the number itself. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value)
      .replaceAll(/"(?:ver|msg|evt|req|ses)_[0-9a-z]+"/g, '"id"')
      .replaceAll(/\+62812•••789[01]/g, "number")
      .replaceAll(/689[01]/g, "number"),
  );
const said = ({ status, body }: Answer<object>) => plain([status, body]);

describe("that a number has no WhatsApp account, to keys with lookup:read", () => {
  it("is an end: nothing can be checked, sent, canceled or approved, and expiry changes nothing", async () => {
    const { body } = await create(gone, seeing);
    const code = await edge.codeOf(body.id);
    const ended = await get(body.id, seeing);
    expect([ended.status, ended.delivery?.status, ended.delivery?.failure?.reason]).toEqual([
      "undeliverable",
      "failed",
      "not_on_whatsapp",
    ]);
    edge.advance(30_000);
    for (const [verb, input] of [
      ["check", { code }],
      ["resend", undefined],
      ["cancel", undefined],
      ["approve", { reason: "seen" }],
    ] as const) {
      const answer = await act(body.id, verb, input, seeing);
      expect([verb, answer.status, answer.body.code]).toEqual([verb, 410, "verification-undeliverable"]);
    }
    edge.advance(300_000);
    await runCron(edge.services);
    expect(await get(body.id, seeing)).toMatchObject({ status: "undeliverable", attemptsLeft: 5 });
    expect((await withStatus("undeliverable", seeing)).map(({ id }) => id)).toEqual([body.id]);
    expect(await withStatus("expired", seeing)).toEqual([]);
    expect((await timeline(body.id, seeing)).map(({ type }) => type).toSorted()).toEqual([
      "message.failed",
      "message.queued",
      "verification.created",
      "verification.undeliverable",
    ]);
    expect(await countsFor(seeing)).toMatchObject({ created: 1, sent: 0, undeliverable: 1, expired: 0 });
  });

  it("allows another create to make a new verification at once", async () => {
    const first = await create(gone, seeing);
    const second = await create(gone, seeing);
    expect([second.status, second.body.created, second.body.id === first.body.id]).toEqual([202, true, false]);
    expect([second.body.attemptsLeft, second.body.sendsLeft]).toEqual([5, 4]);
    expect((await get(first.body.id, seeing)).status).toBe("undeliverable");
    expect((await get(first.body.id, blind)).status).toBe("canceled");
    // The limits of the number still hold.
    for (let i = 0; i < 3; i++) expect((await create(gone, seeing)).status).toBe(202);
    const limited = await create(gone, seeing);
    expect([limited.status, limited.body.code]).toEqual([429, "destination-limited"]);
  });

  it("stays the end whatever other keys make of it, but for a code that they knew", async () => {
    const ends = [
      ["expired", () => edge.advance(300_000)],
      ["canceled", (id: string) => act(id, "cancel", undefined, blind)],
      [
        "max_attempts_reached",
        async (id: string) => {
          for (let i = 0; i < 5; i++) await act(id, "check", { code: "000000" }, blind);
        },
      ],
    ] as const;
    for (const [status, end] of ends) {
      const { body } = await create(gone, blind, { purpose: status, code: "480213" });
      await end(body.id);
      await runCron(edge.services);
      expect([status, (await get(body.id, blind)).status]).toEqual([status, status]);
      expect([status, (await get(body.id, seeing)).status]).toEqual([status, "undeliverable"]);
    }
    expect((await withStatus("undeliverable", seeing)).length).toBe(3);
    expect(await countsFor(seeing)).toMatchObject({
      undeliverable: 3,
      expired: 0,
      canceled: 0,
      max_attempts_reached: 0,
    });
    expect(await countsFor(blind)).toMatchObject({
      undeliverable: 0,
      expired: 1,
      canceled: 1,
      max_attempts_reached: 1,
    });
    const known = (await create(gone, blind, { purpose: "known", code: "480213" })).body;
    expect((await act(known.id, "check", { code: "480213" }, blind)).status).toBe(200);
    expect((await get(known.id, seeing)).status).toBe("approved");
  });

  it("is not said of a code that is out already, nor of a verification that had ended before", async () => {
    const out = (await create(off, seeing)).body;
    edge.advance(30_000);
    const again = await act(out.id, "resend", undefined, seeing);
    await report("message.failed", { messageId: again.body.delivery?.messageId, reason: "not_on_whatsapp" });
    expect((await get(out.id, seeing)).status).toBe("pending");
    expect((await act(out.id, "check", { code: await edge.codeOf(out.id) }, seeing)).status).toBe(200);
    const early = (await edge.api<Verification>("POST /v1/verifications", { to: gone }, { key: seeing })).body;
    await claim(early.delivery!.messageId);
    await act(early.id, "cancel", undefined, seeing);
    edge.advance(500);
    await report("message.failed", { messageId: early.delivery?.messageId, reason: "not_on_whatsapp" });
    expect((await get(early.id, seeing)).status).toBe("canceled");
  });
});

/** Does the same for both numbers, at the same times; returns what each answered. */
async function both(steps: (to: string) => Promise<unknown[]>) {
  const told: unknown[] = [];
  for (const to of [gone, off]) {
    edge.close();
    edge = await startEdge();
    sessionId = await edge.addSession();
    blind = await edge.addKey(edge.workspace.id, scopes);
    told.push(plain(await steps(to)));
  }
  return told;
}

async function sendText(to: string) {
  const input = { sessionId, to, type: "text", text: "hi" };
  const { body } = await edge.api<Message>("POST /v1/messages", input, { key: blind });
  await settle(body.id, to);
  edge.advance(24 * 3600_000);
  await runCron(edge.services);
  return (await edge.api<Message>(`GET /v1/messages/${body.id}`, undefined, { key: blind })).body;
}

describe("that a number has no WhatsApp account, to other keys", () => {
  it.each<[string, (id: string, to: string) => Promise<unknown[]>]>([
    ["looked at", async () => []],
    [
      "checked with a wrong code until none is left",
      async (id) => {
        const code = wrong(await edge.codeOf(id));
        const answers: unknown[] = [];
        for (let i = 0; i < 6; i++) answers.push(said(await act(id, "check", { code }, blind)));
        return answers;
      },
    ],
    [
      "checked with the right code",
      async (id) => [(await act(id, "check", { code: await edge.codeOf(id) }, blind)).status],
    ],
    [
      "created again too early, in time, and after that",
      async (_, to) => {
        const answers: unknown[] = [said(await create(to, blind))];
        for (let i = 0; i < 3; i++) {
          edge.advance(60_000);
          answers.push(said(await create(to, blind)));
        }
        return answers;
      },
    ],
    [
      "sent again by id",
      async (id) => {
        edge.advance(30_000);
        const again = await act(id, "resend", undefined, blind);
        return [said(again)];
      },
    ],
    [
      "canceled and created again",
      async (id, to) => {
        const canceled = said(await act(id, "cancel", undefined, blind));
        edge.advance(100);
        const messageId = (await get(id, blind)).delivery!.messageId;
        if (to === off) await report("message.revoked", { messageId });
        const answers = [canceled, said(await create(to, blind))];
        edge.advance(30_000);
        return [...answers, said(await create(to, blind))];
      },
    ],
    ["approved without a code", async (id) => [said(await act(id, "approve", { reason: "seen" }, blind))]],
    [
      "left until it expires",
      async (_, to) => {
        edge.advance(300_000);
        const late = await create(to, blind);
        edge.advance(300_000);
        await runCron(edge.services);
        return [said(late)];
      },
    ],
  ])("nothing differs from a phone that is off when it is %s", async (_, steps) => {
    const [without, switchedOff] = await both(async (to) => {
      const { body } = await create(to, blind);
      const told: unknown[] = [body, await get(body.id, blind), await steps(body.id, to)];
      edge.advance(1000);
      const all = ["pending", "expired", "canceled", "undeliverable", "max_attempts_reached", "approved"];
      for (const status of all) told.push(status, await withStatus(status, blind));
      const events = (await timeline(body.id, blind)).filter(({ type }) => type !== "message.revoked");
      return [...told, events, await countsFor(blind), await countsFor(blind, "?purpose=login")];
    });
    expect(without).toEqual(switchedOff);
  });

  it("is not visible when its message is revoked, which takes as long as a connector needs", async () => {
    const { body } = await create(gone, blind);
    const canceled = await act(body.id, "cancel", undefined, blind);
    expect([canceled.status, canceled.body.delivery?.status]).toEqual([200, "sent"]);
    const typesNow = async () => (await timeline(body.id, blind)).map(({ type }) => type);
    expect(await typesNow()).not.toContain("message.revoked");
    edge.advance(50);
    expect([(await get(body.id, blind)).delivery?.status, await typesNow()]).toEqual([
      "sent",
      expect.not.arrayContaining(["message.revoked"]),
    ]);
    edge.advance(2_000);
    expect((await get(body.id, blind)).delivery?.status).toBe("revoked");
    const events = await timeline(body.id, blind);
    const timeOf = (type: string) => Date.parse(events.find((each) => each.type === type)?.at ?? "");
    expect(timeOf("message.revoked")).toBeGreaterThanOrEqual(timeOf("verification.canceled") + 100);
  });

  it("does not show in the score of a session that has failed before", async () => {
    const scores = await both(async (to) => {
      const manager = await edge.addKey(edge.workspace.id, ["message:send", "session:manage"]);
      const send = async (number: string) =>
        (
          await edge.api<Message>(
            "POST /v1/messages",
            { sessionId, to: number, type: "text", text: "hi" },
            { key: manager },
          )
        ).body.id;
      await report("message.failed", { messageId: await send("+6281234567899"), reason: "refused" });
      await settle(await send(to), to);
      const { body } = await edge.api<{ score: number }>(`GET /v1/sessions/${sessionId}`, undefined, { key: manager });
      return [body.score];
    });
    expect(scores).toEqual([[88], [88]]);
  });

  it("does not show in what a session may still send when it may open no more chats", async () => {
    const answers = await both(async (to) => {
      await edge.client.execute("UPDATE pool SET new_chats_per_day = 1");
      const told: unknown[] = [said(await create(to, blind))];
      edge.advance(30_000);
      // The token of an inbound one is random.
      const { mode } = (await create("+6281234567899", blind)).body;
      told.push(said(await create(to, blind)), mode);
      edge.advance(600_000);
      const text = { sessionId, to, type: "text", text: "hi" };
      return [...told, said(await edge.api("POST /v1/messages", text, { key: blind }))];
    });
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toMatchObject([[202, {}], [202, { created: false, mode: "push" }], "inbound", [202, {}]]);
  });

  it("a message is sent and never delivered", async () => {
    const [without, switchedOff] = await both(async (to) => [{ ...(await sendText(to)), sessionId: null }]);
    expect(without).toEqual(switchedOff);
    expect(without).toMatchObject([{ status: "sent", failure: null, deliveredAt: null }]);
  });

  it("is not mixed up with other failures, which every key sees", async () => {
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to: gone }, { key: blind });
    await report("message.failed", { messageId: body.delivery?.messageId, reason: "refused" });
    expect(await get(body.id, blind)).toMatchObject({
      status: "undeliverable",
      delivery: { status: "failed", failure: { reason: "refused" } },
    });
    edge.advance(300_000);
    await runCron(edge.services);
    expect((await get(body.id, blind)).status).toBe("undeliverable");
    expect((await create(gone, blind)).body.created).toBe(true);
  });
});

const tail = "01jd3k9v7hq2w8x5n4b6m0c1t";
const isOfPerson = new Set(["message.reaction", "message.edited"]);

async function accepted(to: string): Promise<string> {
  const { id } = (await edge.api<Message>("POST /v1/messages", { sessionId, to, type: "text", text: "hi" })).body;
  await claim(id);
  edge.advance(500);
  if (to === gone) await report("message.failed", { messageId: id, reason: "not_on_whatsapp" });
  else await report("message.sent", { messageId: id, chatId: `cht_${tail}0` });
  return id;
}

describe("what the account does with a message", () => {
  it.each([
    ["PUT", "/star", undefined, undefined],
    ["PUT", "/reaction", { emoji: "👍" }, "message.reaction"],
    ["PATCH", "", { text: "ho" }, "message.edited"],
    ["DELETE", "?for=me", undefined, "message.deleted"],
    ["DELETE", "?for=everyone", undefined, "message.revoked"],
  ])("%s …%s does not tell whether the number has an account", async (method, path, body, event) => {
    const answers: unknown[] = [];
    for (const to of [off, gone]) {
      const id = await accepted(to);
      edge.connector = () =>
        to === gone
          ? { status: 409, body: { code: "message-not-kept" } }
          : { status: 200, body: { at: edge.services.now().toISOString() } };
      const { status, body: answer } = await edge.api<{ code?: string }>(`${method} /v1/messages/${id}${path}`, body, {
        key: blind,
      });
      if (to === off && event)
        await report(event, { messageId: id, ...(isOfPerson.has(event) ? { personId: null } : {}) });
      const read = (await edge.api<Message>(`GET /v1/messages/${id}`, undefined, { key: blind })).body;
      const events = (
        await edge.api<z.infer<typeof Timeline>>(`GET /v1/messages/${id}/events`, undefined, { key: blind })
      ).body.events.map(({ type }) => type);
      const { chatId, status: shown, editedAt, deletedAt, revokedAt } = read;
      const has = [editedAt, deletedAt, revokedAt].map((time) => time !== null);
      answers.push({ status, problem: answer.code, chatId, shown, has, events });
    }
    expect(answers[0]).toMatchObject({ status: 200, chatId: null });
    expect(answers[1]).toEqual(answers[0]);
  });
});
