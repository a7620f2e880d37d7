import type { Message, Verification } from "@sandi/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let key: string;
const magic = (last: string) => `+999000000${last}`;

beforeEach(async () => {
  key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
});
afterEach(async () => {
  await edge.settled();
  if (edge.jobs.length > 0) throw new Error("a job of the sandbox was published");
});

const create = (to: string, input: Record<string, unknown> = {}) =>
  edge.api<Verification>("POST /v1/verifications", { to, ...input }, { key });
const get = async (id: string) =>
  (await edge.api<Verification>(`GET /v1/verifications/${id}`, undefined, { key })).body;
const check = (id: string, code: string) =>
  edge.api<Verification & { proof: string }>(`POST /v1/verifications/${id}/check`, { code }, { key });
const timeline = async (id: string) =>
  (
    await edge.api<{ events: { type: string }[] }>(`GET /v1/verifications/${id}/events`, undefined, { key })
  ).body.events.map(({ type }) => type);

describe("a test key", () => {
  it("needs no session: …00 is delivered and read, and its code is known", async () => {
    const { status, body } = await create(magic("00"));
    expect([status, body.test, body.to, body.delivery?.sessionId]).toEqual([202, true, "+999•••00", null]);
    expect(body.delivery?.status).toBe("read");
    expect(await timeline(body.id)).toEqual([
      "verification.created",
      "message.queued",
      "message.sent",
      "message.delivered",
      "message.read",
    ]);
    expect((await check(body.id, "123457")).status).toBe(422);
    const right = await check(body.id, "123456");
    expect([right.status, right.body.status]).toEqual([200, "approved"]);
    expect(JSON.parse(atob(right.body.proof.split(".")[1] ?? ""))).toMatchObject({ test: true });
    expect((await check(body.id, "123456")).status).toBe(410);
  });

  it.each([
    [{ codeLength: 4 }, "1234"],
    [{ codeLength: 8 }, "12345678"],
    [{ code: "777777" }, "777777"],
  ])("has the first characters of 12345678 as its code, or one's own: %j", async (input, code) => {
    const { body } = await create(magic("00"), input);
    expect((await check(body.id, code)).status).toBe(200);
  });

  it("has no account for …01, which keys with lookup:read see", async () => {
    const { body } = await create(magic("01"));
    expect([body.status, body.delivery?.failure?.reason]).toEqual(["undeliverable", "not_on_whatsapp"]);
    const blind = await edge.addKey(edge.workspace.id, ["otp:check"], { environment: "test" });
    const seen = await edge.api<Verification>(`GET /v1/verifications/${body.id}`, undefined, { key: blind });
    expect([seen.body.status, seen.body.delivery?.status]).toEqual(["pending", "sent"]);
  });

  it("leaves …02 queued until it expires, whatever cron does", async () => {
    const { body } = await create(magic("02"));
    edge.advance(60_000);
    await runCron(edge.services);
    expect((await get(body.id)).delivery?.status).toBe("queued");
    edge.advance(300_000);
    await runCron(edge.services);
    expect((await get(body.id)).status).toBe("expired");
  });

  it.each([
    ["03", 409, "no-eligible-session"],
    ["04", 429, "rate-limited"],
    ["06", 403, "destination-blocked"],
  ])("is refused for …%s with %s", async (last, status, code) => {
    const answer = await create(magic(last));
    expect([answer.status, answer.body.code, await edge.count("verification")]).toEqual([status, code, 0]);
  });

  it("delivers …05 after twenty seconds, to who looks and to cron", async () => {
    const { body } = await create(magic("05"));
    const { body: second } = await create(magic("05"), { purpose: "b" });
    expect(body.delivery?.status).toBe("sent");
    edge.advance(19_999);
    expect((await get(body.id)).delivery?.status).toBe("sent");
    edge.advance(1);
    const { delivery } = await get(body.id);
    expect([delivery?.status, delivery?.deliveredAt]).toEqual(["delivered", "2026-11-21T08:00:20.000Z"]);
    await runCron(edge.services);
    expect(await edge.rows("SELECT status FROM message WHERE verification_id = ?", second.id)).toEqual([
      { status: "delivered" },
    ]);
  });

  it("answers for …07 itself in inbound mode: approved, or with a code", async () => {
    const match = await create(magic("07"), { mode: "inbound" });
    expect(match.body).toMatchObject({ status: "approved", approvedBy: "inbound" });
    const reply = await create(magic("07"), { mode: "inbound", inboundVariant: "reply" });
    expect(reply.body).toMatchObject({ status: "pending", delivery: { status: "read" } });
    expect((await check(reply.body.id, "123456")).status).toBe(200);
    const bind = { payee: "Toko Makmur" };
    const bound = await create(magic("07"), { mode: "inbound", purpose: "pay", bind });
    expect(bound.body).toMatchObject({ status: "pending", delivery: { status: "read" } });
    expect((await check(bound.body.id, "123456")).status).toBe(422);
    const waits = await create(magic("00"), { mode: "inbound" });
    expect([waits.body.status, waits.body.inbound?.receivedAt]).toEqual(["pending", null]);
  });

  it("sees the sandbox only, a live key nothing of it, and both may verify one number at a time", async () => {
    await edge.addSession("ended");
    const number = "+6281234567890";
    const tested = (await create(number)).body;
    expect(tested.delivery?.status).toBe("read");
    const live = await edge.api<Verification>(`GET /v1/verifications/${tested.id}`);
    expect(live.status).toBe(404);
    expect((await edge.api("POST /v1/verifications", { to: number })).body.code).toBe("no-eligible-session");
    const list = (options?: { key: string }) =>
      edge.api<{ verifications: unknown[] }>("GET /v1/verifications", undefined, options);
    expect([(await list()).body.verifications.length, (await list({ key })).body.verifications.length]).toEqual([0, 1]);
    expect(await edge.count("conversion")).toBe(0);
    expect(await edge.count("destination_send")).toBe(0);
  });

  it("gives a proof that no verifier accepts as a live one", async () => {
    const number = "+6281234567890";
    await create(number);
    const { body } = await edge.api<{ proof: string }>(
      "POST /v1/verifications/check",
      { to: number, code: "123456" },
      { key },
    );
    const claims = JSON.parse(atob(body.proof.split(".")[1] ?? "")) as Record<string, unknown>;
    expect(claims).toMatchObject({ aud: `${edge.workspace.id}/test`, test: true });
    expect(claims).not.toHaveProperty("phone_number");
  });

  it("does not answer for the real thing under the same Idempotency-Key", async () => {
    await edge.addSession();
    const headers = { "idempotency-key": "same" };
    const number = "+6281234567890";
    const tested = await edge.api<Verification>("POST /v1/verifications", { to: number }, { key, headers });
    await edge.settled();
    const live = await edge.api<Verification>("POST /v1/verifications", { to: number }, { headers });
    expect([tested.body.test, live.body.test, live.headers.get("idempotent-replayed")]).toEqual([true, false, null]);
    await edge.settled();
    edge.jobs.length = 0;
  });

  it("sends texts in the sandbox, too", async () => {
    const sessionId = await edge.addSession();
    const { status, body } = await edge.api<Message>(
      "POST /v1/messages",
      { sessionId, to: magic("05"), type: "text", text: "hi" },
      { key },
    );
    expect([status, body.status]).toEqual([202, "sent"]);
    edge.advance(20_000);
    const found = await edge.api<Message>(`GET /v1/messages/${body.id}`, undefined, { key });
    expect(found.body.status).toBe("delivered");
    expect((await edge.api(`GET /v1/messages/${body.id}`)).status).toBe(404);
  });

  it("answers reachability by itself", async () => {
    const answer = await edge.api("POST /v1/reachability", { numbers: [magic("00"), magic("01")] }, { key });
    expect(answer.body).toEqual({
      results: [
        { number: magic("00"), isOnWhatsApp: true },
        { number: magic("01"), isOnWhatsApp: false },
      ],
    });
  });
});

describe("the sandbox's numbers", () => {
  it("are refused with a live key", async () => {
    await edge.addSession();
    const { status, body } = await edge.api("POST /v1/verifications", { to: magic("00") });
    expect([status, body.errors]).toEqual([
      400,
      [{ pointer: "/to", message: "is a number of the sandbox: it needs a test key" }],
    ]);
  });
});
