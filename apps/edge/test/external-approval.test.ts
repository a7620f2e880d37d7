import { s256 } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { other, verificationCalls } from "./verification-calls.ts";

let edge: Edge;
useEdge((started) => (edge = started));

beforeEach(async () => {
  await edge.addSession();
});

const { create, act } = verificationCalls(() => edge);

describe("an approval from outside", () => {
  it("takes the scope, ends the verification, is audited, and gives no proof", async () => {
    const { body } = await create();
    const lacking = await edge.addKey(edge.workspace.id, ["otp:send", "otp:check", "otp:custom"]);
    expect((await act(body.id, "approve", { reason: "seen" }, { key: lacking })).status).toBe(403);
    for (let i = 0; i < 2; i++) {
      const answer = await act(body.id, "approve", { reason: "seen" });
      expect([answer.status, answer.body.status, answer.body.approvedBy]).toEqual([200, "approved", "external"]);
      expect(answer.body).not.toHaveProperty("proof");
    }
    expect(await edge.rows("SELECT action, target, detail FROM audit")).toEqual([
      { action: "verification.approved", target: body.id, detail: '{"reason":"seen"}' },
    ]);
    expect(await edge.rows("SELECT code_mac, sealed_code FROM verification")).toEqual([
      { code_mac: null, sealed_code: null },
    ]);
    expect(await edge.rows("SELECT status FROM message")).toEqual([{ status: "canceled" }]);
  });

  it("names the bind of the code, and the client that requested it", async () => {
    const verifier = "v".repeat(43);
    const bind = { amount: "IDR 150,000", payee: "Toko Makmur" };
    const clientBinding = { method: "S256", challenge: await s256(verifier) };
    const { body } = await create({ bind, clientBinding });
    const approve = (named: object) => act(body.id, "approve", { reason: "seen", ...named });
    const pointer = "/bind";
    const message = "must be the `bind` of the verification";
    for (const named of [{}, { bind: { amount: "IDR 150,000" } }, { clientVerifier: verifier }]) {
      const { status, body: answer } = await approve(named);
      expect([status, answer.errors]).toEqual([400, [{ pointer, message }]]);
    }
    const elsewhere = await approve({ bind, clientVerifier: "x".repeat(43) });
    expect([elsewhere.status, elsewhere.body.code]).toEqual([422, "client-binding-mismatch"]);
    expect((await edge.rows("SELECT id FROM audit")).length).toBe(0);
    const right = { bind, clientVerifier: verifier };
    for (let i = 0; i < 2; i++) expect((await approve(right)).body.approvedBy).toBe("external");
    expect((await approve({})).status).toBe(400);
    expect(await edge.rows("SELECT detail FROM audit")).toEqual([{ detail: JSON.stringify({ reason: "seen", bind }) }]);
    const plain = (await create({ to: other })).body;
    const unasked = await act(plain.id, "approve", { reason: "seen", bind });
    expect([unasked.status, unasked.body.errors?.[0]?.pointer]).toEqual([400, "/bind"]);
  });

  it("does not pass for one that a code has approved", async () => {
    const { body } = await create();
    await act(body.id, "check", { code: await edge.codeOf(body.id) });
    const answer = await act(body.id, "approve", { reason: "seen" });
    expect([answer.status, answer.body.code]).toEqual([410, "verification-approved"]);
    expect(await edge.count("audit")).toBe(0);
  });
});
