import { createServer } from "node:http";
import { sealedFor } from "@sandi/contracts";
import { createSealer, webRandom } from "@sandi/crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createTunnels } from "../src/proxy/tunnel.ts";
import { until } from "./support/fake-edge.ts";
import { LocalProxy } from "./support/proxies.ts";
import { newId, qrOf, type Rig, startRig, workspaceId } from "./support/rig.ts";

let rig: Rig;
let seal: ReturnType<typeof createSealer>;
const proxies: LocalProxy[] = [];

beforeAll(async () => {
  rig = await startRig({ environment: { ALLOW_PRIVATE_PROXIES: "true" }, services: { chance: () => 0.02 } });
  seal = createSealer(rig.edge.keys.sealing.publicJwk, { now: () => new Date(), random: webRandom });
});
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.die()));
});
afterAll(() => rig.close());

async function startProxy(scheme: "http" | "socks5" = "http"): Promise<LocalProxy> {
  const proxy = await new LocalProxy(scheme).start();
  proxies.push(proxy);
  return proxy;
}

let numbers = 0;
const nextNumber = () => `+62812007000${10 + ++numbers}`;
const last = (sessionId: string) => rig.edge.statesOf(sessionId).at(-1);
const healthOf = (sessionId: string) =>
  rig.edge.events.flatMap((event) =>
    event.type === "session.proxy" && event.sessionId === sessionId ? [event.isHealthy] : [],
  );
const through = async (sessionId: string, url: string | null) =>
  rig.setDesiredState({
    sessionId,
    proxy: url === null ? null : await seal({ url }, sealedFor.proxy(sessionId, workspaceId)),
  });

async function pairThrough({ url }: { url: string }): Promise<string> {
  const number = nextNumber();
  rig.simulator.createPhone({ number });
  const sessionId = newId("ses");
  expect(await through(sessionId, url)).toBe(200);
  await rig.simulator.scan(number, await until("a QR code is shown", () => qrOf(rig, sessionId)));
  await until("the session is online", () => last(sessionId) === "online");
  return sessionId;
}

const whatsapp = () => new URL(rig.simulator.url).host.replace("localhost", "127.0.0.1");

test.each(["http", "socks5"] as const)(
  "a session with a proxy of %s is linked and sends through it alone",
  async (scheme) => {
    const proxy = await startProxy(scheme);
    const sessionId = await pairThrough(proxy);
    const to = nextNumber();
    const phone = rig.simulator.createPhone({ number: to });
    const before = proxy.bytes;
    await rig.send(sessionId, { to, text: "through the proxy" });
    await until("the phone has it", () => rig.simulator.messages(phone.number).length > 0);
    expect(proxy.bytes).toBeGreaterThan(before);
    // The pairing, and the login behind it.
    expect(proxy.passed).toBeGreaterThanOrEqual(2);
    expect(new Set(proxy.targets)).toEqual(new Set([whatsapp()]));
    expect(new Set(proxy.credentials)).toEqual(new Set(["user:p@ss-of-proxy"]));
    await until("its health is reported", () => healthOf(sessionId).length > 0);
    expect(healthOf(sessionId)).toEqual([true]);
  },
);

test("a proxy that refuses is the reported reason, and the session never connects without it", async () => {
  const proxy = await startProxy();
  proxy.behaviour = "refuse";
  const sessionId = newId("ses");
  await through(sessionId, proxy.url);
  await until("it was tried again", () => proxy.asked >= 2);
  await until("the reason is reported", () => last(sessionId) === "waiting/proxy_unreachable");
  expect(
    rig.edge.statesOf(sessionId).filter((state) => !/^connecting|^waiting.proxy_unreachable$/.test(state)),
  ).toEqual([]);
  expect([proxy.passed, healthOf(sessionId)]).toEqual([0, [false]]);
  proxy.behaviour = "pass";
  await until("it pairs through it", () => qrOf(rig, sessionId));
  await until("its health is reported", () => healthOf(sessionId).length > 1);
  expect(healthOf(sessionId)).toEqual([false, true]);
});

test("a proxy that dies is reported instead of the lost connection, and the session reconnects when it is back", async () => {
  const proxy = await startProxy();
  const sessionId = await pairThrough(proxy);
  const news = rig.edge.statesOf(sessionId).length;
  await proxy.die();
  await until("the reason is reported", () => last(sessionId)?.endsWith("/proxy_unreachable"));
  expect(rig.edge.statesOf(sessionId).slice(news)[0]).toBe("waiting/proxy_unreachable");
  await proxy.comeBack();
  await until("it is online again", () => last(sessionId) === "online");
  await until("its health is reported", () => healthOf(sessionId).length >= 3);
  expect(healthOf(sessionId)).toEqual([true, false, true]);
});

test("a connection that WhatsApp itself closes is not the proxy's fault", async () => {
  const proxy = await startProxy("socks5");
  const sessionId = await pairThrough(proxy);
  const news = rig.edge.statesOf(sessionId).length;
  const { phone } = rig.edge.events.findLast(
    (event) => event.type === "session.state" && event.sessionId === sessionId,
  ) as {
    phone: string;
  };
  rig.simulator.setFault({ kind: "drop", number: phone });
  await until(
    "it is online again",
    () => rig.edge.statesOf(sessionId).length > news + 1 && last(sessionId) === "online",
  );
  expect(rig.edge.statesOf(sessionId).slice(news)).toEqual([
    "waiting/connection_lost",
    "connecting/connection_lost",
    "online",
  ]);
});

test("another proxy, and none, take the place of the first over a restart of the session", async () => {
  const [first, second] = [await startProxy(), await startProxy("socks5")];
  const sessionId = await pairThrough(first);
  const online = () => last(sessionId) === "online";
  await through(sessionId, second.url);
  await until("it is online through the second", () => second.passed > 0 && online());
  await first.die();
  expect(online()).toBe(true);
  await rig.stop();
  const passed = second.passed;
  await rig.start();
  await until("a new connector uses it too", () => second.passed > passed && online());
  await through(sessionId, null);
  const asked = second.asked;
  await until("it is online without", () => rig.edge.statesOf(sessionId).at(-2) === "connecting/requested" && online());
  expect(second.asked).toBe(asked);
});

test("a session job of an edge without proxies leaves the session its proxy", async () => {
  const proxy = await startProxy();
  const sessionId = await pairThrough(proxy);
  const { passed } = proxy;
  const before = { sessionId, workspaceId, desired: "running", revision: 7 };
  expect((await rig.edge.deliver("/jobs/session", before)).status).toBe(200);
  await until("it is online again", () => proxy.passed > passed && last(sessionId) === "online");
  expect(new Set(proxy.targets)).toEqual(new Set([whatsapp()]));
});

test("a proxy that is sealed for another session is refused, and the session starts neither with it nor without", async () => {
  const [own, foreign] = [await startProxy(), await startProxy()];
  const sessionId = await pairThrough(own);
  const moved = await seal({ url: foreign.url }, sealedFor.proxy(newId("ses"), workspaceId));
  const ofAnother = await seal({ url: foreign.url }, sealedFor.proxy(sessionId, newId("ws")));
  const { passed } = own;
  for (const proxy of [moved, ofAnother, await seal({ url: foreign.url }, sealedFor.message(sessionId, workspaceId))]) {
    expect(await rig.setDesiredState({ sessionId, proxy })).toBe(400);
  }
  expect([last(sessionId), own.passed, foreign.asked]).toEqual(["online", passed, 0]);
  // What needs no proxy is done, and the session keeps its own.
  expect(await rig.setDesiredState({ sessionId, proxy: moved, desired: "stopped" })).toBe(200);
  await until("it is stopped", () => last(sessionId)?.startsWith("stopped"));
  expect(await through(sessionId, own.url)).toBe(200);
  await until("it is online again", () => last(sessionId) === "online");
  expect([foreign.asked, rig.log.some((line) => line.includes("the sealed proxy belongs to another session"))]).toEqual(
    [0, true],
  );
});

test("no credentials of a proxy are in logs, events, metrics or readable in the database", async () => {
  const proxy = await startProxy();
  proxy.behaviour = "refuse";
  const sessionId = newId("ses");
  await through(sessionId, proxy.url);
  await until("the reason is reported", () => last(sessionId) === "waiting/proxy_unreachable");
  const { readFile, readdir } = await import("node:fs/promises");
  const files = await Promise.all(
    (await readdir(rig.folder)).map((name) => readFile(`${rig.folder}/${name}`, "latin1")),
  );
  const everything = [...rig.log, ...rig.edge.bodies, await rig.metrics(), ...files].join("\n");
  expect(everything).toContain(sessionId);
  for (const secret of ["ss-of-proxy", Buffer.from("user:p@ss-of-proxy").toString("base64").slice(0, 16)]) {
    expect(everything.includes(secret)).toBe(false);
  }
});

test("fetch uses it too", async () => {
  const proxy = await startProxy();
  const server = createServer((_request, response) => response.end("from behind"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const tunnel = createTunnels({ wsUrl: rig.simulator.url, lookup: null }).open(proxy.url);
  const response = await fetch(`http://127.0.0.1:${port}/`, { dispatcher: tunnel.dispatcher });
  expect([await response.text(), proxy.passed, tunnel.isConnected()]).toEqual(["from behind", 1, true]);
  tunnel.close();
  await new Promise((resolve) => server.close(resolve));
});

test("hanging proxies do not delay sessions without a proxy", async () => {
  const narrow = await startRig({ environment: { ALLOW_PRIVATE_PROXIES: "true", CONNECT_CONCURRENCY: "1" } });
  try {
    const proxy = await startProxy();
    proxy.behaviour = "hang";
    const hanging = newId("ses");
    const purpose = sealedFor.proxy(hanging, workspaceId);
    const { publicJwk } = narrow.edge.keys.sealing;
    const sealNarrow = createSealer(publicJwk, { now: () => new Date(), random: webRandom });
    const setting = await sealNarrow({ url: proxy.url }, purpose);
    await narrow.setDesiredState({ sessionId: hanging, proxy: setting });
    await until("it hangs", () => proxy.asked > 0);
    const sessionId = newId("ses");
    await narrow.setDesiredState({ sessionId });
    expect(await until("a QR code is shown", () => qrOf(narrow, sessionId))).toBeTruthy();
  } finally {
    await narrow.close();
  }
});
