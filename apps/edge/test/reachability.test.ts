import { ReachabilityRpc } from "@sandi/contracts";
import { beforeEach, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
beforeEach(async () => {
  await edge.addSession();
});

it("says of each number that it has an account, that it has none, or that WhatsApp did not say", async () => {
  const numbers = ["+6281300000001", "+6281300000002", "+6281300000003"];
  const said = [true, false, null];
  const results = numbers.map((number, i) => ({ number, isOnWhatsApp: said[i] }));
  const asked: unknown[] = [];
  edge.connector = (path, body) => {
    asked.push([path, body]);
    return { status: 200, body: { results } };
  };
  const { status, body } = await edge.api("POST /v1/reachability", { numbers });
  expect([status, body]).toEqual([200, { results }]);
  expect(asked).toMatchObject([[ReachabilityRpc.path, { numbers }]]);
});
