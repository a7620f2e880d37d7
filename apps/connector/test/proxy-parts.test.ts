import type { lookup } from "node:dns";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { isPublicAddress, publicLookup } from "../src/proxy/addresses.ts";
import { proxyAgent } from "../src/proxy/agents.ts";
import { createTunnels, type Tunnels } from "../src/proxy/tunnel.ts";
import { createProxyWatch } from "../src/proxy/watch.ts";
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

describe("an address", () => {
  test.each([
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "fc00::1",
    "fdaa:0:1::3",
    "fe80::1",
    "fe80::1%eth0",
    "2002:7f00:1::",
    "2001:0:4136:e378::1",
    "2001:db8::1",
    "ff02::1",
    "fd00:ec2::254",
    "localhost",
    "",
  ])("%s is none of the public internet", (address) => expect(isPublicAddress(address)).toBe(false));
  test.each(["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::200e"])(
    "%s is one of the public internet",
    (address) => expect(isPublicAddress(address)).toBe(true),
  );
});

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

describe.each(["http", "https", "socks5"] as const)("a proxy of %s that is inside", (scheme) => {
  test.each(["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1"])(
    "is not reached at %s",
    async (host) => {
      await expect(probe(guarded("8.8.8.8"), `${scheme}://${host}:1080`)).rejects.toThrow("not of the public internet");
    },
  );
  test("is not reached by a name, whichever of its addresses is inside", async () => {
    for (const addresses of [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"]]) {
      const found = probe(guarded(...addresses), `${scheme}://proxy.example.com:1080`);
      await expect(found).rejects.toThrow("not of the public internet");
    }
  });
});

test("a proxy that is really there is not even connected to when it is inside", async () => {
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

test("a SOCKS proxy that answers when nobody waits any more keeps no connection", async () => {
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

function watched() {
  const timers: { ms: number; run: () => void }[] = [];
  const told: boolean[] = [];
  const probed: string[] = [];
  const world = { hangs: false, isUp: true, isInUse: true, isTold: true };
  const watch = createProxyWatch({
    services: {
      chance: () => 0.5,
      after(ms, run) {
        const timer = { ms, run };
        timers.push(timer);
        return () => void (timers.includes(timer) && timers.splice(timers.indexOf(timer), 1));
      },
    },
    tunnels: {
      open: () => {
        throw new Error("not here");
      },
      async probe(tried, signal) {
        probed.push(tried);
        if (world.hangs) await new Promise((resolve) => signal.addEventListener("abort", resolve));
        if (!world.isUp) throw new Error("down");
      },
    },
    url: "http://a.example",
    isInUse: () => world.isInUse,
    async onChange(isHealthy) {
      if (!world.isTold) throw new Error("the database is away");
      told.push(isHealthy);
    },
  });
  const minute = async () => {
    const due = timers.findIndex(({ ms }) => ms >= 45_000);
    timers.splice(due, 1)[0]?.run();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { watch, timers, told, probed, world, minute };
}

describe("the watch of a proxy", () => {
  test("tries it every minute or so, and tells changes only", async () => {
    const { told, probed, world, minute } = watched();
    await minute();
    await minute();
    world.isUp = false;
    await minute();
    await minute();
    world.isUp = true;
    await minute();
    expect([told, probed.length]).toEqual([[true, false, true], 5]);
  });

  test("leaves it alone while the session is stopped", async () => {
    const { probed, world, minute } = watched();
    world.isInUse = false;
    await minute();
    expect(probed).toEqual([]);
    world.isInUse = true;
    await minute();
    expect(probed).toHaveLength(1);
  });

  test("tells again what could not be told", async () => {
    const { told, world, minute } = watched();
    world.isTold = false;
    await minute();
    world.isTold = true;
    await minute();
    expect(told).toEqual([true]);
  });

  test("begins anew with another proxy, and ends without one", async () => {
    const { watch, timers, told, probed, minute } = watched();
    await minute();
    watch.use("http://b.example");
    await minute();
    expect([told, probed]).toEqual([
      [true, true],
      ["http://a.example", "http://b.example"],
    ]);
    watch.use(null);
    expect([timers.length, await watch.check(), watch.open()]).toEqual([0, true, null]);
  });

  test("gives one up that does not answer in ten seconds", async () => {
    const { watch, timers, told, world } = watched();
    world.hangs = true;
    world.isUp = false;
    const asked = watch.check();
    timers.find(({ ms }) => ms === 10_000)!.run();
    expect([await asked, told]).toEqual([false, [false]]);
  });

  test("believes a connection that was opened meanwhile more than a try that failed", async () => {
    const { watch, timers, told, world } = watched();
    world.hangs = true;
    world.isUp = false;
    const asked = watch.check();
    watch.observed(true);
    timers.find(({ ms }) => ms === 10_000)!.run();
    expect([await asked, told]).toEqual([true, [true]]);
  });

  test("answers of the newer proxy when it has taken the place of one that is being tried", async () => {
    const { watch, told, probed, world, timers } = watched();
    world.hangs = true;
    const asked = watch.check();
    watch.use("http://b.example");
    world.hangs = false;
    for (const { run } of timers.filter(({ ms }) => ms === 10_000)) run();
    expect(await asked).toBe(true);
    expect([told, probed]).toEqual([[true], ["http://a.example", "http://b.example"]]);
  });

  test("stops with nothing under way", async () => {
    const { watch, timers, told, world } = watched();
    world.hangs = true;
    const asked = watch.check();
    watch.stop();
    expect(await asked).toBe(true);
    expect([timers.length, told]).toEqual([0, []]);
  });
});
