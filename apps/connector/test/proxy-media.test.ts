import { randomBytes } from "node:crypto";
import { setDefaultCACertificates, getCACertificates } from "node:tls";
import {
  downloadMediaMessage,
  makeWASocket,
  type UserFacingSocketConfig,
  WA_CERT_DETAILS,
  type WAMessage,
  type WASocket,
} from "@whiskeysockets/baileys";
import { type Simulator, startSimulator } from "@sandi/whatsapp-simulator";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openAuthState } from "../src/baileys/auth-state.ts";
import { createSocketCaches } from "../src/baileys/caches.ts";
import { silenceConsole } from "../src/baileys/patches/silence-console.ts";
import { socketConfig } from "../src/baileys/socket-config.ts";
import { createTunnels, type Tunnel } from "../src/proxy/tunnel.ts";
import { until } from "./support/fake-edge.ts";
import { memoryCredentials } from "./support/memory-credentials.ts";
import { LocalProxy } from "./support/proxies.ts";

const ownNumber = "+6281200700090";
const to = "+6281200700091";
const jid = `${to.slice(1)}@s.whatsapp.net`;
const file = randomBytes(100_000);
const trusted = getCACertificates("default");

let simulator: Simulator;
let proxy: LocalProxy;
let tunnel: Tunnel;
let config: UserFacingSocketConfig;
let sock: WASocket;

beforeAll(async () => {
  silenceConsole();
  simulator = await startSimulator();
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(simulator.rootKeyBytes);
  setDefaultCACertificates([...trusted, simulator.media.certificate]);
  for (const number of [ownNumber, to]) simulator.createPhone({ number });
});
afterEach(async () => {
  await sock.end(undefined);
  tunnel.close();
  await proxy.die();
});
afterAll(async () => {
  setDefaultCACertificates(trusted);
  await simulator.close();
});

/** An unmodified Baileys with what a session's socket is made with, linked and online. */
async function connect(scheme: "http" | "socks5"): Promise<void> {
  proxy = await new LocalProxy(scheme).start();
  tunnel = createTunnels({ wsUrl: simulator.url, lookup: null }).open(proxy.url);
  const auth = await openAuthState(memoryCredentials().credentials);
  const parts = { auth, caches: createSocketCaches(), version: null, logger: pino({ level: "silent" }), tunnel };
  config = socketConfig(simulator.url, {}, parts);
  let isOpen = false;
  const open = () => {
    sock = makeWASocket(config);
    sock.ev.on("creds.update", () => void auth.saveCreds());
    sock.ev.on("connection.update", ({ connection, qr, lastDisconnect }) => {
      if (qr) void simulator.scan(ownNumber, qr);
      if (connection === "open") isOpen = true;
      // 515: linked, and to log in now.
      const { output } = (lastDisconnect?.error ?? {}) as { output?: { statusCode: number } };
      if (connection === "close" && output?.statusCode === 515) open();
    });
  };
  open();
  await until("the socket is open", () => isOpen);
}

const upload = () => sock.sendMessage(jid, { document: file, mimetype: "application/pdf", fileName: "invoice.pdf" });
const download = async (message: WAMessage) =>
  downloadMediaMessage(message, "buffer", config.options ? { options: config.options } : {});
const visits = () => simulator.media.requests;

test.each(["http", "socks5"] as const)(
  "media of a session with a proxy of %s goes up and down through it, and not at all when it refuses",
  async (scheme) => {
    await connect(scheme);
    const before = visits().length;
    const message = await upload();
    expect(await download(message!)).toEqual(file);
    await until("the phone has it", () => simulator.messages(to).some(({ kind }) => kind === "document"));
    const own = visits().slice(before);
    expect(own.map(({ method, path }) => `${method} ${path.split("/")[2]}`)).toEqual([
      "POST document",
      "GET t62.7118-24",
    ]);
    for (const { remotePort } of own) expect(proxy.outward).toContain(remotePort);
    // The proxy is asked for the name, so that it is looked up behind it.
    expect(proxy.targets).toContain(simulator.media.host);
    expect(new Set(proxy.credentials)).toEqual(new Set(["user:p@ss-of-proxy"]));

    proxy.behaviour = "refuse";
    await expect(upload()).rejects.toThrow();
    await expect(download(message!)).rejects.toThrow();
    expect(await sock.onWhatsApp(to.slice(1))).toMatchObject([{ exists: true }]);
    expect(visits()).toHaveLength(before + 2);
  },
);
