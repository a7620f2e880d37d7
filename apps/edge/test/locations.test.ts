import { claimPath, type ClaimResponse, type Message, MessageType, SealedPayload, sealedFor } from "@sandi/contracts";
import { beforeEach, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
const to = "+6281234567890";
const place = { latitude: -6.1754, longitude: 106.8272, name: "Monas", address: "Gambir, Jakarta" };

beforeEach(async () => {
  sessionId = await edge.addSession();
});

const types = MessageType.options.map((type) => `"${type}"`).join(", ");
const send = (fields: Record<string, unknown>, key?: string) =>
  edge.api<Message>("POST /v1/messages", { to, type: "location", ...fields }, key === undefined ? {} : { key });

it("a location is accepted, shown without its place, and sealed to the connector", async () => {
  const { status, body } = await send({ sessionId, ...place });
  expect([status, body.type, body.status]).toEqual([202, "location", "queued"]);
  const shown = await edge.api<Message>(`GET /v1/messages/${body.id}`);
  expect(shown.body).toMatchObject({ id: body.id, type: "location", to: "+62812•••7890" });
  expect(JSON.stringify(shown.body)).not.toContain("Monas");

  const claims = [{ messageId: body.id, sessionId, fence: 1 }];
  const { results } = (await edge.internal<ClaimResponse>(claimPath, { connectorId: "a", claims })).body;
  const [claimed] = results;
  if (claimed?.outcome !== "claimed") throw new Error("not claimed");
  expect(claimed.template).toBeNull();
  const sealed = await edge.unseal(claimed.sealed);
  expect(sealed).toEqual({ to, type: "location", ...place });
  expect(SealedPayload.parse(sealed)).toEqual(sealed);
  expect(await edge.purposeOf(claimed.sealed)).toBe(sealedFor.message(body.id, edge.workspace.id));
  const [row] = await edge.rows(`SELECT * FROM message WHERE id = '${body.id}'`);
  expect(row?.["type"]).toBe("location");
  expect(JSON.stringify(row)).not.toMatch(/Monas|6\.1754/);
});

it("the messages of a verification have the type of a code, and are not shown as messages", async () => {
  const { body } = await edge.api<{ delivery: { messageId: string } }>("POST /v1/verifications", { to });
  const { messageId } = body.delivery;
  expect(await edge.rows(`SELECT type FROM message WHERE id = '${messageId}'`)).toEqual([{ type: "code" }]);
  expect((await edge.api(`GET /v1/messages/${messageId}`)).status).toBe(404);
});

it("a number that is too large for a computer is named as such", async () => {
  const body = `{"to":"${to}","type":"location","latitude":1e999,"longitude":-1e999}`;
  const { errors = [] } = (await edge.api("POST /v1/messages", body)).body;
  expect(errors.map(({ message }) => message)).toEqual(Array(2).fill("must be a number, not an infinite number"));
});

it.each([
  [{}, ["/latitude is required", "/longitude is required"]],
  [{ latitude: 90.1, longitude: -180.1 }, ["/latitude must be at most 90", "/longitude must be at least -180"]],
  [{ latitude: "1", longitude: 2 }, ["/latitude must be a number, not a string"]],
  [{ ...place, text: "hi" }, ["/text is not a known field"]],
  [{ ...place, name: "" }, ["/name must not be empty"]],
  [{ latitude: 1, longitude: 2, type: "code", code: "123456" }, [`/type must be one of ${types}`]],
])("%j is refused", async (fields, expected) => {
  const { status, body } = await send({ sessionId, ...fields });
  const { errors = [] } = body as { errors?: { pointer: string; message: string }[] };
  expect([status, errors.map(({ pointer, message }) => `${pointer} ${message}`)]).toEqual([400, expected]);
});
