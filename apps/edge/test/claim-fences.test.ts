import { beforeEach, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { connectorOf, seeMessage, text } from "./senders.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let connector: ReturnType<typeof connectorOf>;
let session: string;
beforeEach(async () => {
  connector = connectorOf(edge);
  session = await edge.addSession();
});

it("an owner that was replaced claims nothing, also when the claim of the newer owner has expired", async () => {
  const { body } = await text(edge);
  expect(await connector.claim(body.id, session, { fence: 5, connectorId: "b" })).toBe("claimed");
  edge.advance(31_000);
  expect(await connector.claim(body.id, session, { fence: 4, connectorId: "a" })).toBe("done");
  expect(await connector.claim(body.id, session, { fence: 5, connectorId: "c" })).toBe("claimed");
});

it("a text that has expired is not claimed", async () => {
  const { body } = await text(edge);
  const [row] = await edge.rows("SELECT expires_at FROM message");
  edge.advance(Number(row!["expires_at"]) - edge.services.now().getTime());
  expect(await connector.claim(body.id, session)).toBe("done");
});

it("an event of another session about a message changes nothing", async () => {
  const { body } = await text(edge, { sessionId: session });
  await connector.claim(body.id, session);
  const stranger = await edge.addSession();
  await connector.report(stranger, "message.read", { messageId: body.id });
  expect((await seeMessage(edge, body)).status).toBe("sending");
});
