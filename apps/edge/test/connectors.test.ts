import { claimPath, type ClaimResponse, eventsPath, sealedFor, type Verification } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { connectorCalls } from "./connector-calls.ts";
import type { Edge } from "./harness.ts";
import { recipient } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
const { create, sendText, claim, event, report } = connectorCalls(
  () => edge,
  () => sessionId,
);

beforeEach(async () => {
  sessionId = await edge.addSession();
});

describe("claiming a message", () => {
  it("hands out what only the connector can open: number and code, and the text around it", async () => {
    const { id, delivery } = await create();
    const code = await edge.codeOf(id);
    const result = await claim(delivery!.messageId);
    expect(result).toMatchObject({ outcome: "claimed", attempt: 1, expiresAt: "2026-11-21T08:05:00.000Z" });
    if (result?.outcome !== "claimed") throw new Error("not claimed");
    expect(await edge.unseal(result.sealed)).toEqual({ to: recipient, code });
    expect(result.template).toContain("{{code}}");
    const text = await sendText();
    const other = await claim(text.id);
    if (other?.outcome !== "claimed") throw new Error("not claimed");
    expect([await edge.unseal(other.sealed), other.template]).toEqual([{ to: recipient, text: "Selamat pagi" }, null]);
  });

  it("says what each is sealed for: a code for its verification, over all its messages, a text for its message", async () => {
    const { id, delivery } = await create();
    const first = await claim(delivery!.messageId);
    edge.advance(60_000);
    const again = await edge.api<Verification>(`POST /v1/verifications/${id}/resend`);
    expect(again.status).toBe(202);
    const second = await claim(again.body.delivery!.messageId);
    for (const result of [first, second]) {
      if (result?.outcome !== "claimed") throw new Error("not claimed");
      expect([result.verificationId, await edge.purposeOf(result.sealed)]).toEqual([
        id,
        sealedFor.code(id, edge.workspace.id),
      ]);
    }
    const text = await sendText();
    const other = await claim(text.id);
    if (other?.outcome !== "claimed") throw new Error("not claimed");
    const purpose = sealedFor.message(text.id, edge.workspace.id);
    expect([other.verificationId, await edge.purposeOf(other.sealed)]).toEqual([null, purpose]);
  });

  it("grants one of 20 claims at once", async () => {
    const { delivery } = await create();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => claim(delivery!.messageId, { connectorId: `c${i}` })),
    );
    expect(results.filter((result) => result?.outcome === "claimed").length).toBe(1);
    expect(results.filter((result) => result?.outcome === "busy").length).toBe(19);
  });

  it("allows the same run to claim again, a higher fence to take over, and another run after the claim has expired", async () => {
    const { id } = await sendText();
    expect((await claim(id))?.outcome).toBe("claimed");
    expect(await claim(id)).toMatchObject({ outcome: "claimed", attempt: 2 });
    expect(await claim(id, { connectorId: "b" })).toEqual({ outcome: "busy", messageId: id, retryAfterMs: 30_000 });
    expect((await claim(id, { connectorId: "b", fence: 2 }))?.outcome).toBe("claimed");
    expect((await claim(id, { connectorId: "a", fence: 1 }))?.outcome).toBe("busy");
    edge.advance(30_001);
    expect((await claim(id, { connectorId: "c", fence: 2 }))?.outcome).toBe("claimed");
  });

  it("has nothing to give for what is unknown, sent, canceled, expired, or another session's", async () => {
    const { id, delivery } = await create();
    const elsewhere = await edge.addSession();
    expect((await claim(delivery!.messageId, { session: elsewhere }))?.outcome).toBe("done");
    expect((await claim("msg_01jd3k9v7hq2w8x5n4b6m0c1ta"))?.outcome).toBe("done");
    await edge.api(`POST /v1/verifications/${id}/cancel`);
    expect((await claim(delivery!.messageId))?.outcome).toBe("done");
    const next = await create();
    edge.advance(300_000);
    expect((await claim(next.delivery!.messageId))?.outcome).toBe("done");
    const text = await sendText();
    await report(event("message.sent", { messageId: text.id }));
    expect((await claim(text.id))?.outcome).toBe("done");
  });

  it("answers many claims in their order with one call to the database", async () => {
    const texts = [await sendText(), await sendText(), await sendText()];
    edge.calls.database = 0;
    const claims = [...texts, { id: "msg_01jd3k9v7hq2w8x5n4b6m0c1ta" }].map(({ id }) => ({
      messageId: id,
      sessionId,
      fence: 1,
    }));
    const { body } = await edge.internal<ClaimResponse>(claimPath, { connectorId: "a", claims });
    expect(body.results.map(({ messageId, outcome }) => [messageId, outcome])).toEqual([
      ...texts.map(({ id }) => [id, "claimed"]),
      ["msg_01jd3k9v7hq2w8x5n4b6m0c1ta", "done"],
    ]);
    expect(edge.calls.database).toBe(1);
  });

  it("gives a resend the same code", async () => {
    const { id, delivery } = await create();
    const code = await edge.codeOf(id);
    await claim(delivery!.messageId);
    edge.advance(30_000);
    const again = await create();
    const result = await claim(again.delivery!.messageId);
    if (result?.outcome !== "claimed") throw new Error("not claimed");
    expect(await edge.unseal(result.sealed)).toEqual({ to: recipient, code });
  });
});

describe("a connector's token", () => {
  it("is good for one request, once", async () => {
    const { id } = await sendText();
    const body = { connectorId: "a", events: [event("message.sent", { messageId: id })] };
    const token = await edge.signInternal(eventsPath, body);
    const other = { ...body, events: [event("message.read", { messageId: id })] };
    expect((await edge.internal(eventsPath, other, token)).status).toBe(401);
    expect((await edge.internal(claimPath, body, token)).status).toBe(401);
    expect((await edge.internal(eventsPath, body, token)).status).toBe(200);
    const again = await edge.internal(eventsPath, body, token);
    expect([again.status, again.body.code]).toEqual([401, "service-token-invalid"]);
    expect((await edge.internal(eventsPath, body, edge.workspace.key)).status).toBe(401);
    edge.advance(120_000);
    expect((await edge.internal(eventsPath, body, token)).status).toBe(401);
  });

  it("is still taken while Redis is away, and waits for Redis once in two seconds only", async () => {
    let asked = 0;
    edge.services.isFirstUse = () => Promise.reject(new Error(`away ${asked++}`));
    const { id } = await sendText();
    expect((await report(event("message.sent", { messageId: id }))).status).toBe(200);
    expect((await report(event("message.delivered", { messageId: id }))).status).toBe(200);
    expect([asked, edge.logs.join()]).toEqual([1, expect.stringContaining("Redis does not answer")]);
    edge.advance(2_000);
    expect((await report(event("message.read", { messageId: id }))).status).toBe(200);
    expect(asked).toBe(2);
  });
});
