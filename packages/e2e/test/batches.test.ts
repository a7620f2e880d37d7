import type { Batch, Verification } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noise, sha256Of } from "../src/files.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

describe("a batch", () => {
  let stack: TestStack;
  const numbers = Array.from({ length: 24 }, (_, i) => `+62813000002${String(i).padStart(2, "0")}`);

  beforeAll(async () => {
    stack = await startTestStack();
    for (const number of numbers) await stack.addPhone(number);
    const pool = `pool_${stack.local.workspaceId.slice("ws_".length)}`;
    await stack.api(`PATCH /v1/pools/${pool}`, { pacing: "fast" });
  });
  afterAll(() => stack.destroy());

  const see = async (id: string) => (await stack.api<Batch>(`GET /v1/batches/${id}`)).body;
  const call = async (id: string, verb: string) => (await stack.api<Batch>(`POST /v1/batches/${id}/${verb}`)).body;
  const received = async () =>
    (await Promise.all(numbers.map(async (number) => (await stack.inbox(number)).map(({ text }) => text)))).flat();

  it("that is paused, loses its connector to kill -9 and is resumed reaches each recipient once", async () => {
    const { status, body } = await stack.api<Batch>("POST /v1/batches", {
      message: { type: "text", text: "Hello {{name}}" },
      recipients: numbers.map((to, i) => ({ to, variables: { name: `Budi ${i}` } })),
    });
    expect([status, body.recipients]).toEqual([202, numbers.length]);
    await eventually("some messages on their phones", async () => (await received()).length >= 3);
    const paused = await call(body.id, "pause");
    expect([paused.status, paused.counts.queued, paused.counts.waiting]).toEqual(["paused", 0, 0]);
    expect(paused.counts.scheduled).toBeGreaterThan(0);
    stack.connector.kill("SIGKILL");
    await eventually("what was claimed to arrive", async () => (await see(body.id)).counts.sending === 0);
    const before = (await received()).length;
    const { counts } = await see(body.id);
    expect(before).toBe(numbers.length - counts.scheduled);
    await call(body.id, "resume");
    await eventually("the batch to finish", async () => (await see(body.id)).status === "finished", 240_000);
    const texts = await received();
    expect(texts.toSorted()).toEqual(numbers.map((_, i) => `Hello Budi ${i}`).toSorted());
  });

  it("brings one stored file to each recipient, byte for byte", async () => {
    const file = noise(200_003);
    const media = { data: file.toString("base64"), mimeType: "application/pdf" };
    const some = numbers.slice(0, 3);
    const { status, body } = await stack.api<Batch>("POST /v1/batches", {
      message: { type: "document", media, fileName: "offer.pdf", caption: "For {{name}}" },
      recipients: some.map((to, i) => ({ to, variables: { name: `Siti ${i}` } })),
    });
    expect([status, body.detail]).toEqual([202, undefined]);
    for (const [i, to] of some.entries()) {
      const message = await eventually("the file on the phone", async () =>
        (await stack.inbox(to)).find(({ kind }) => kind === "document"),
      );
      expect(message).toMatchObject({ caption: `For Siti ${i}`, media: { sha256: sha256Of(file) } });
      const answer = await fetch(`${stack.local.simulatorUrl}/phones/${to}/messages/${message.id}/media`);
      expect(Buffer.from(await answer.arrayBuffer()).equals(file)).toBe(true);
    }
    await eventually("the batch to finish", async () => (await see(body.id)).status === "finished", 240_000);
  });

  it("does not delay a code, and what it has not sent is canceled", async () => {
    const { body } = await stack.api<Batch>("POST /v1/batches", {
      messages: numbers.map((to, i) => ({ to, type: "text", text: `Offer ${i}` })),
    });
    const { verification } = await stack.sendCode(numbers[0]);
    // The phone has the code; the edge hears of it a moment later.
    await eventually("the code to be sent", async () => {
      const { body: seen } = await stack.api<Verification>(`GET /v1/verifications/${verification.id}`);
      return ["sent", "delivered", "read"].includes(seen.delivery?.status ?? "");
    });
    const canceled = await call(body.id, "cancel");
    expect(canceled.counts.canceled).toBeGreaterThan(0);
    await eventually("what was claimed to end", async () => (await see(body.id)).counts.sending === 0);
    const { counts } = await see(body.id);
    const offers = (await received()).filter((text) => text.startsWith("Offer"));
    expect(offers.length).toBe(numbers.length - counts.canceled);
  });
});
