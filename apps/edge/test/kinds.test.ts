import { claimPath, type ClaimResponse, type Message, SealedPayload } from "@sandi/contracts";
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

const send = (fields: object, key?: string) =>
  edge.api<Message>("POST /v1/messages", { to, ...fields }, key === undefined ? {} : { key });

/** What the connector opens. */
async function sealedOf(messageId: string): Promise<unknown> {
  const claims = [{ messageId, sessionId, fence: 1 }];
  const { results } = (await edge.internal<ClaimResponse>(claimPath, { connectorId: "a", claims })).body;
  const [claimed] = results;
  if (claimed?.outcome !== "claimed") throw new Error("not claimed");
  return edge.unseal(claimed.sealed);
}

const buttons = { type: "buttons", text: "Rahasia?", buttons: [{ id: "yes", text: "Yes" }] };

it.each<[string, object, object]>([
  ["contacts", { contacts: [{ name: "Rahasia", phones: [{ number: "+6281234567891" }] }] }, {}],
  ["poll", { question: "Rahasia?", options: ["Yes", "No"] }, { maxSelections: 1 }],
  ["event", { name: "Rahasia", startAt: "2026-12-24T09:00:00.000Z" }, {}],
  ["buttons", buttons, { render: "text" }],
  ["buttons", { ...buttons, render: "native" }, {}],
  [
    "list",
    { text: "Rahasia?", buttonText: "Open", sections: [{ rows: [{ id: "1", title: "One" }] }] },
    { render: "text" },
  ],
  ["text", { text: "Rahasia ".repeat(8192) }, {}],
  ["text", { text: "@6281234567891 Rahasia", mentions: ["+6281234567891"] }, {}],
])("%s is accepted, shown without its content, and sealed to the connector", async (type, fields, defaults) => {
  const { status, body } = await send({ sessionId, type, ...fields });
  expect([status, body.type, body.status]).toEqual([202, type, "queued"]);
  const shown = await edge.api<Message>(`GET /v1/messages/${body.id}`);
  const [row] = await edge.rows(`SELECT * FROM message WHERE id = '${body.id}'`);
  expect(JSON.stringify([shown.body, row])).not.toMatch(/Rahasia|81234567891/);
  expect(SealedPayload.parse(await sealedOf(body.id))).toEqual({ to, type, ...fields, ...defaults });
});

describe("a reply", () => {
  const text = { type: "text", text: "Hello" };
  const idOf = async (fields: object) => (await send({ ...text, ...fields })).body.id;
  const faultOf = async (fields: object, key?: string) => {
    const { status, body } = await send({ ...text, ...fields }, key);
    const { code, errors } = body as { code?: string; errors?: { pointer: string; message: string }[] };
    return [status, code, errors?.map(({ pointer, message }) => `${pointer} ${message}`)];
  };

  it("is sent by the session of the quoted message", async () => {
    const quotedMessageId = await idOf({ sessionId });
    await edge.addSession();
    const replies = await Promise.all(Array.from({ length: 4 }, () => send({ ...text, quotedMessageId })));
    expect(replies.map(({ status, body }) => `${status} ${body.sessionId}`)).toEqual(Array(4).fill(`202 ${sessionId}`));
    expect(await sealedOf(replies[0]!.body.id)).toEqual({ to, text: "Hello", quotedMessageId });
  });

  it("quotes nothing of another session, of another chat, of another workspace, or of the sandbox", async () => {
    const quotedMessageId = await idOf({ sessionId });
    const { id, key } = await edge.addWorkspace();
    const foreign = await edge.addSession("online", id);
    const other = "/quotedMessageId is a message";
    expect(await faultOf({ quotedMessageId, sessionId: await edge.addSession() })).toEqual([
      400,
      "invalid-request",
      [`${other} of another session`],
    ]);
    expect(await faultOf({ quotedMessageId, to: "+6281234567891" })).toEqual([
      400,
      "invalid-request",
      [`${other} of another chat`],
    ]);
    const unknown = [404, "message-not-found", ["/quotedMessageId is not a message of this workspace"]];
    expect(await faultOf({ quotedMessageId, sessionId: foreign }, key)).toEqual(unknown);
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect(await faultOf({ quotedMessageId }, test)).toEqual(unknown);
  });

  it("quotes no code", async () => {
    const { body } = await edge.api<{ delivery: { messageId: string } }>("POST /v1/verifications", { to });
    expect(await faultOf({ quotedMessageId: body.delivery.messageId })).toMatchObject([404, "message-not-found", {}]);
  });

  it("names no pool: the quoted message decides", async () => {
    const quotedMessageId = await idOf({ sessionId });
    const poolId = "pool_01jd3v5p7q9r1s3t5v7w9x1y3z";
    expect(await faultOf({ quotedMessageId, poolId })).toMatchObject([
      400,
      "invalid-request",
      [expect.stringMatching(/^\/poolId cannot/)],
    ]);
  });
});
