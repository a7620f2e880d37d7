import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterEach, expect, it } from "vitest";
import { publicNetwork } from "../src/stack/worker.ts";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const script = `export default {
  async fetch(request, { NETWORK }) {
    const url = new URL(request.url).searchParams.get("url");
    return NETWORK.fetch(url).then(() => new Response("reached"), () => new Response("refused"));
  },
};`;

/** Whether a Worker reaches these addresses of this machine over the network. */
async function reached(network: typeof publicNetwork): Promise<string[]> {
  const server = createServer((_, response) => response.end("private"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => new Promise((resolve) => server.close(resolve)));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: [{ type: "ESModule", path: "worker.js", contents: script }],
      compatibilityDate: "2026-11-01",
      serviceBindings: { NETWORK: network },
    }),
  );
  stops.push(() => miniflare.dispose());
  const { port } = server.address() as AddressInfo;
  const answers = [];
  for (const host of ["127.0.0.1", "localhost"]) {
    const url = encodeURIComponent(`http://${host}:${port}/`);
    answers.push(await (await miniflare.dispatchFetch(`http://worker/?url=${url}`)).text());
  }
  return answers;
}

it("the network for customers' addresses does not reach this machine, by address or by name", async () => {
  expect(await reached(publicNetwork)).toEqual(["refused", "refused"]);
});

it("another network does, so the former test can fail", async () => {
  const { network } = publicNetwork;
  expect(await reached({ network: { ...network, allow: ["public", "private"] } })).toEqual(["reached", "reached"]);
});
