import { webRandom } from "@sandi/crypto";
import { expect, test } from "vitest";
import { createEdgeCaller } from "../src/edge.ts";
import { makeKeys } from "./support/fake-edge.ts";

const now = new Date("2026-08-01T00:00:00Z");

/** A call that is refused by an edge whose clock differs by so much. */
async function call(seconds: number) {
  const { connector } = await makeKeys();
  const date = new Date(now.getTime() + seconds * 1000).toUTCString();
  const config = { edgeUrl: "http://127.0.0.1:1", connectorTokenPrivateKey: connector.privateJwk };
  const services = {
    now: () => now,
    random: webRandom,
    fetch: () => Promise.resolve(new Response("{}", { status: 401, headers: { date } })),
  };
  type Given = Parameters<typeof createEdgeCaller>;
  return createEdgeCaller(config as Given[0], services as unknown as Given[1])("/internal/events", {}, 1000);
}

test.each([
  [-240, "the clock of this machine is 240 s ahead of the edge's"],
  [240, "the clock of this machine is 240 s behind the edge's"],
])("a refusal names our clock when the edge's differs by %i s", async (seconds, sentence) => {
  await expect(call(seconds)).rejects.toThrow(sentence);
});

test("a refusal is one when the clocks agree", async () => {
  expect(await call(2)).toEqual({ status: 401, body: {} });
});
