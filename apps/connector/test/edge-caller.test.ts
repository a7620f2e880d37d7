import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { webRandom } from "@sandi/crypto";
import { afterEach, expect, test } from "vitest";
import { type CallEdge, createEdgeCaller } from "../src/edge.ts";
import { makeKeys } from "./support/fake-edge.ts";

const now = new Date("2026-08-01T00:00:00Z");
const { connector } = await makeKeys();

let edge: Server | undefined;
afterEach(async () => {
  edge?.closeAllConnections();
  await new Promise((closed) => edge?.close(closed));
});

/** A caller of an edge that answers so. */
async function callerOf(answer: RequestListener): Promise<CallEdge> {
  edge = createServer(answer);
  await new Promise<void>((listening) => edge?.listen(0, "127.0.0.1", listening));
  const { port } = edge.address() as AddressInfo;
  const config = { edgeUrl: `http://127.0.0.1:${port}`, connectorTokenPrivateKey: connector.privateJwk };
  return createEdgeCaller(config as Parameters<typeof createEdgeCaller>[0], { now: () => now, random: webRandom });
}

/** A call that is refused by an edge whose clock differs by so much. */
async function call(seconds: number) {
  const date = new Date(now.getTime() + seconds * 1000).toUTCString();
  const callEdge = await callerOf((_request, response) => response.writeHead(401, { date }).end("{}"));
  return callEdge("/internal/events", {}, 10_000);
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

test("calls in a row share a connection", async () => {
  const sockets = new Set<unknown>();
  const callEdge = await callerOf((request, response) => {
    sockets.add(request.socket);
    request.resume().on("end", () => response.end("{}"));
  });
  for (let i = 0; i < 3; i++) await callEdge("/internal/events", { i }, 10_000);
  expect(sockets.size).toBe(1);
});

test("a call on a connection that the edge has closed is made again on another", async () => {
  const used = new WeakSet<object>();
  const tokens: unknown[] = [];
  const callEdge = await callerOf((request, response) => {
    tokens.push(request.headers.authorization);
    if (used.has(request.socket)) return request.socket.destroy();
    used.add(request.socket);
    return request.resume().on("end", () => response.end("{}"));
  });
  for (let i = 0; i < 2; i++) expect((await callEdge("/internal/events", {}, 10_000)).status).toBe(200);
  // Each attempt has its own token: the edge takes a token once.
  expect(new Set(tokens).size).toBe(3);
});

test.each<[string, RequestListener]>([
  ["never", () => undefined],
  ["with a part of its answer", (_request, response) => void response.writeHead(200).write('{"results":')],
])("a call whose edge answers %s fails after its time", async (_how, answer) => {
  const callEdge = await callerOf(answer);
  await expect(callEdge("/internal/events", {}, 50)).rejects.toThrow("the edge did not answer");
});

test("a call fails when its connection breaks before the answer is complete", async () => {
  const callEdge = await callerOf((request, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("{", () => request.socket.destroy());
  });
  await expect(callEdge("/internal/events", {}, 10_000)).rejects.toThrow("the edge did not answer");
});
