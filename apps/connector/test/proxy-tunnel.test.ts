import type { lookup } from "node:dns";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { publicLookup } from "../src/proxy/addresses.ts";
import { proxyAgent } from "../src/proxy/agents.ts";
import { createTunnels, type Tunnels } from "../src/proxy/tunnel.ts";
import { until } from "./support/fake-edge.ts";
import { LocalProxy } from "./support/proxies.ts";

const proxies: LocalProxy[] = [];
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.die()));
});
async function startProxy(scheme: "http" | "socks5"): Promise<LocalProxy> {
  const proxy = await new LocalProxy(scheme).start();
  proxies.push(proxy);
  return proxy;
}

/** A resolver that knows every name by these addresses. */
const resolver = (...addresses: string[]) =>
  ((_name: string, _options: object, done: (error: null, found: { address: string; family: number }[]) => void) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    )) as unknown as typeof lookup;

const guarded = (...addresses: string[]) =>
  createTunnels({ wsUrl: "ws://127.0.0.1:9/ws/chat", lookup: publicLookup(resolver(...addresses)) });
const probe = (tunnels: Tunnels, url: string) => tunnels.probe(url, AbortSignal.timeout(20_000));

describe.each(["http", "https", "socks5"] as const)("a private %s proxy", (scheme) => {
  test.each(["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1"])(
    "is not reached at %s",
    async (host) => {
      await expect(probe(guarded("8.8.8.8"), `${scheme}://${host}:1080`)).rejects.toThrow("not on the public internet");
    },
  );
  test("is not reached by a name, whichever of its addresses is inside", async () => {
    for (const addresses of [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"]]) {
      const found = probe(guarded(...addresses), `${scheme}://proxy.example.com:1080`);
      await expect(found).rejects.toThrow("not on the public internet");
    }
  });
});

test("a private proxy that exists is not connected to", async () => {
  for (const scheme of ["http", "socks5"] as const) {
    const proxy = await startProxy(scheme);
    const { port } = new URL(proxy.url);
    await expect(probe(guarded("127.0.0.1"), `${scheme}://proxy.example.com:${port}`)).rejects.toThrow();
    await expect(probe(guarded(), proxy.url)).rejects.toThrow();
    expect(proxy.asked).toBe(0);
  }
});

test.each(["ftp://proxy.example.com", "http://", "socks4://proxy.example.com", "file:///etc/passwd", "no url"])(
  "%s is not taken for a proxy",
  (url) => {
    const way = { lookup: null, signal: new AbortController().signal, onConnected() {} };
    expect(() => proxyAgent(url, way)).toThrow();
  },
);

test.each(["http", "socks5"] as const)("a proxy of %s that hangs is given up at the signal", async (scheme) => {
  const proxy = await startProxy(scheme);
  proxy.behaviour = "hang";
  const life = new AbortController();
  const found = createTunnels({ wsUrl: "ws://127.0.0.1:9", lookup: null }).probe(proxy.url, life.signal);
  found.catch(() => undefined);
  while (proxy.asked === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  life.abort();
  await expect(found).rejects.toThrow("does not answer");
});

test("a SOCKS proxy that answers after the abort keeps no connection", async () => {
  let isClosed = false;
  let answer: (() => void) | undefined;
  const server = createServer((client) => {
    client.on("error", () => undefined).on("close", () => (isClosed = true));
    client.once("data", () => {
      client.write(Buffer.from([5, 0]));
      client.once("data", () => (answer = () => client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const tunnels = createTunnels({ wsUrl: "ws://127.0.0.1:9/ws/chat", lookup: null });
  const life = new AbortController();
  const url = `socks5://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const probed = tunnels.probe(url, life.signal).catch(String);
  await until("the proxy is asked", () => answer !== undefined);
  life.abort();
  expect(await probed).toContain("does not answer");
  answer!();
  await until("the connection is closed", () => isClosed);
  await new Promise((resolve) => server.close(resolve));
});

test("a proxy whose headers do not end is left after a few of them", async () => {
  const left = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    const pour = () => {
      while (!socket.destroyed && socket.write(Buffer.alloc(16_384, "a")));
    };
    socket.on("error", () => undefined).on("drain", pour);
    socket.on("close", () => left.resolve());
    socket.write("HTTP/1.1 200 OK\r\nx: ");
    pour();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const tunnels = createTunnels({ wsUrl: "ws://127.0.0.1:9", lookup: null });
  await expect(tunnels.probe(`http://127.0.0.1:${port}`, new AbortController().signal)).rejects.toThrow("overflow");
  await left.promise;
  server.close();
});
