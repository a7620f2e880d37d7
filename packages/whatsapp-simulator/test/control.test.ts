import { request } from "node:http";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import type { Simulator } from "../src/index.ts";
import { client, newWorld, sender, until, user } from "./support/world.ts";

async function call(
  simulator: Simulator,
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) {
  const response = await fetch(`${simulator.httpUrl}${path}`, {
    method,
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    headers: { "content-type": "application/json", ...headers },
  });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    body: text === "" ? undefined : JSON.parse(text),
  };
}

/** fetch does not let anybody choose the Host header. */
function statusWithHost(simulator: Simulator, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: "127.0.0.1", port: simulator.port, path: "/phones", headers: { host } },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    asked.on("error", reject);
    asked.end();
  });
}

/** As a raw request: a WebSocket client would not send every target, nor every header. */
function statusOfUpgrade(simulator: Simulator, target: string, headers: Record<string, string> = {}): Promise<number> {
  const all = {
    host: `127.0.0.1:${simulator.port}`,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve, reject) => {
    const socket = connect(simulator.port, "127.0.0.1", () =>
      socket.write(`GET ${target} HTTP/1.1\r\n${lines.join("")}\r\n`),
    );
    socket.once("data", (answer) => {
      resolve(Number(answer.toString("latin1").split(" ")[1]));
      socket.destroy();
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed without an answer")));
  });
}

const at = `/phones/${encodeURIComponent(sender)}`;

describe("control API", () => {
  it("shows a client where to connect and which root to trust", async () => {
    const simulator = await newWorld();
    const { status, body } = await call(simulator, "GET", "/health");
    expect(status).toBe(200);
    const { hosts: mediaHosts, certificate: mediaCertificate } = simulator.media;
    expect(body).toEqual({
      status: "ok",
      wsUrl: simulator.url,
      mediaHosts,
      mediaCertificate,
      rootKey: simulator.rootKey,
    });
    expect(body.rootKey).toMatch(/^[0-9a-f]{64}$/);
  });

  it("makes phones, lists them and finds them by +number, digits and encoded", async () => {
    const simulator = await newWorld();
    const made = await call(simulator, "POST", "/phones", { number: "+4915112345678", name: "Jürgen" });
    expect(made).toMatchObject({ status: 201, body: { number: "+4915112345678", name: "Jürgen", online: true } });
    expect((await call(simulator, "GET", "/phones")).body).toHaveLength(3);
    for (const form of ["4915112345678", "+4915112345678", "%2B4915112345678"]) {
      expect(await call(simulator, "GET", `/phones/${form}`)).toMatchObject({ status: 200, body: { name: "Jürgen" } });
    }
    expect(await call(simulator, "POST", "/phones", { number: "4915112345678" })).toMatchObject({
      status: 409,
      body: { code: "phone_exists", errors: [{ field: "number" }] },
    });
  });

  it("pairs, sends, shows and unlinks", async () => {
    const simulator = await newWorld();
    const pairing = client(simulator);
    const linked = await call(simulator, "POST", `${at}/scan`, { qr: await pairing.qr });
    expect(linked).toMatchObject({ status: 201, body: { id: 1 } });
    await pairing.closed;
    const session = client(simulator, pairing.auth);
    await session.opened;
    const sent = await call(simulator, "POST", `/phones/${user}/messages`, { to: sender, text: "hello" });
    expect(sent).toMatchObject({ status: 201, body: { text: "hello", direction: "out" } });
    await until(() => simulator.messages(sender).length === 1);
    const { body } = await call(simulator, "GET", `${at}/messages`);
    expect(body).toMatchObject([{ from: user, chat: user, kind: "text", text: "hello", encryption: "pkmsg" }]);
    expect((await call(simulator, "DELETE", `${at}/devices/1`)).status).toBe(204);
    expect(await session.closed).toMatchObject({ code: 401 });
  });

  it("creates, changes and lists groups on the phones of their members", async () => {
    const simulator = await newWorld();
    const made = await call(simulator, "POST", `/phones/${user}/groups`, { subject: "Warung", participants: [sender] });
    expect(made).toMatchObject({ status: 201, body: { subject: "Warung", description: null, createdBy: user } });
    const { id } = made.body;
    const patch = { subject: "Pasar", description: "till nine", isAnnouncement: true };
    const changed = await call(simulator, "PATCH", `/phones/${user}/groups/${id}`, patch);
    expect(changed).toMatchObject({ status: 200, body: { id, ...patch, isLocked: false } });
    const promotion = { action: "promote", numbers: [sender, "+6281199999999"] };
    expect((await call(simulator, "POST", `/phones/${user}/groups/${id}/participants`, promotion)).body).toEqual({
      results: [
        { number: sender, status: 200 },
        { number: "+6281199999999", status: 404 },
      ],
    });
    expect((await call(simulator, "GET", `/groups/${id}`)).body.participants).toEqual([
      { number: user, role: "superadmin" },
      { number: sender, role: "admin" },
    ]);
    expect((await call(simulator, "DELETE", `/phones/${sender}/groups/${id}`)).status).toBe(204);
    expect((await call(simulator, "GET", "/groups")).body).toMatchObject([{ id, participants: [{ number: user }] }]);
    expect(await call(simulator, "PATCH", `/phones/${sender}/groups/${id}`, patch)).toMatchObject({
      status: 403,
      body: { code: "not_group_member" },
    });
    expect(await call(simulator, "GET", "/groups/1")).toMatchObject({ status: 404, body: { code: "group_not_found" } });
    expect((await call(simulator, "POST", `/phones/${user}/groups`, { subject: "" })).status).toBe(400);
  });

  it("opens a link to a chat and sends what it brings along", async () => {
    const simulator = await newWorld();
    const text = "Verify me: SV-0123456789ABC & more +1\n(رمز)";
    const link = `https://wa.me/${sender.slice(1)}?text=${encodeURIComponent(text)}`;
    const opened = await call(simulator, "POST", `/phones/${user}/open-link`, { link });
    expect(opened).toMatchObject({ status: 201, body: { from: user, to: sender, direction: "out", text } });
    await until(() => simulator.messages(sender).length === 1);
    expect(simulator.messages(sender)).toMatchObject([{ from: user, kind: "text", text }]);
    expect(await simulator.openLink(user, `https://wa.me/${sender.slice(1)}?text=a+b&lang=en`)).toMatchObject({
      text: "a b",
    });
  });

  const notLinks: [name: string, link: unknown, status: number, says: RegExp][] = [
    ["no link", "hello", 400, /expected https:\/\/wa\.me/],
    ["nothing", "", 400, /link/],
    ["a number", 62811, 400, /link/],
    ["an unencrypted link", `http://wa.me/${sender.slice(1)}?text=x`, 400, /expected https/],
    ["a link elsewhere", `https://wa.me.evil.example/${sender.slice(1)}?text=x`, 400, /expected https/],
    ["a link with a password", `https://wa.me:x@evil.example/${sender.slice(1)}?text=x`, 400, /expected https/],
    ["a link of another kind", "https://wa.me/settings/linked_devices#2@a,b,c,d", 400, /digits/],
    ["a number with a plus", `https://wa.me/${sender}?text=x`, 400, /digits/],
    ["a link without a text", `https://wa.me/${sender.slice(1)}`, 400, /no text/],
    ["a link with a blank text", `https://wa.me/${sender.slice(1)}?text=%20`, 400, /no text/],
    ["a text that is too long", `https://wa.me/${sender.slice(1)}?text=${"x".repeat(10_001)}`, 400, /10000/],
    ["a link to nobody", "https://wa.me/628119999999?text=x", 404, /no phone/],
  ];

  it.each(notLinks)("does not open %s", async (_name, link, status, says) => {
    const simulator = await newWorld();
    const answer = await call(simulator, "POST", `/phones/${user}/open-link`, { link });
    expect(answer).toMatchObject({ status, body: { errors: [{ field: "link" }] } });
    expect(answer.body.detail).toMatch(says);
    expect(simulator.messages(user)).toEqual([]);
  });

  it("scans what the API answers for a QR, as it is", async () => {
    const simulator = await newWorld();
    const answer = { qr: await client(simulator).qr, expiresAt: new Date().toISOString() };
    expect(await call(simulator, "POST", `${at}/scan`, answer)).toMatchObject({ status: 201, body: { id: 1 } });
  });

  it("changes a phone", async () => {
    const simulator = await newWorld();
    const patch = { receipts: "none", online: false, latencyMs: 20, name: "Renamed", addressing: "lid" };
    expect(await call(simulator, "PATCH", at, patch)).toMatchObject({ status: 200, body: patch });
    expect(simulator.phone(sender)).toMatchObject(patch);
  });

  it("starts, lists and ends faults", async () => {
    const simulator = await newWorld();
    const fault = { kind: "send-error", number: sender, code: 463, times: 3 };
    const { status, body } = await call(simulator, "POST", "/faults", fault);
    expect({ status, body }).toMatchObject({ status: 201, body: { ...fault, number: sender.slice(1), lasting: true } });
    expect((await call(simulator, "GET", "/faults")).body).toEqual([body]);
    expect((await call(simulator, "DELETE", `/faults/${body.id}`)).status).toBe(204);
    await call(simulator, "POST", "/faults", { kind: "wrong-root" });
    expect((await call(simulator, "DELETE", "/faults")).status).toBe(204);
    expect((await call(simulator, "GET", "/faults")).body).toEqual([]);
  });

  it("acts on messages, writes into groups, and starts faults of media and others", async () => {
    const simulator = await newWorld();
    const { id: group } = simulator.createGroup(user, { subject: "Warung", participants: [sender] });
    const post = (body: object, from = user) => call(simulator, "POST", `/phones/${from}/messages`, body);
    const sent = await post({ to: group, text: "hello" });
    expect(sent).toMatchObject({ status: 201, body: { chat: group } });
    const { id } = sent.body;
    await simulator.waitForMessage(sender, (message) => message.id === id);
    const actions = [
      [{ reactTo: id, emoji: "👍" }, { reactions: [{ from: user, emoji: "👍" }] }],
      [
        { edit: id, text: "hello all", encrypted: true },
        { text: "hello all", editedAt: expect.any(String) },
      ],
      [{ pin: id, isPinned: true }, { isPinned: true }],
      [{ star: id }, { isStarred: true }],
      [{ unstar: id }, { isStarred: false }],
      [{ delete: id }, { kind: "revoked" }],
    ] as const;
    for (const [action, shows] of actions) {
      expect(await post({ to: group, ...action })).toMatchObject({ status: 201, body: { id, ...shows } });
    }
    expect(await post({ to: group, deleteForMe: id })).toMatchObject({ status: 201, body: { id } });
    expect(simulator.messages(user)).toEqual([]);
    const { id: theirs } = (await post({ to: group, text: "theirs" }, sender)).body;
    await simulator.waitForMessage(user, (message) => message.id === theirs);
    expect(await post({ to: group, edit: theirs, text: "x" })).toMatchObject({
      status: 403,
      body: { code: "not_author" },
    });
    const faults = [
      { kind: "media-down", host: 2, by: "phone", times: 1 },
      { kind: "media-error", status: 404, at: "upload", by: "companion" },
      { kind: "media-damaged", how: "truncated" },
      { kind: "media-slow-upload", ms: 5 },
      { kind: "missing-secret", number: user, times: 2 },
      { kind: "lid-only", number: user },
      { kind: "app-state", number: user, says: "more", times: 1 },
      { kind: "send-error", code: 400, addressing: "lid" },
    ];
    for (const fault of faults) {
      expect(await call(simulator, "POST", "/faults", fault)).toMatchObject({
        status: 201,
        body: { kind: fault.kind },
      });
    }
  });

  it("counts", async () => {
    const simulator = await newWorld();
    await simulator.send(user, { to: sender, text: "one" });
    await until(() => simulator.stats().messagesShown === 1);
    expect((await call(simulator, "GET", "/stats")).body).toMatchObject({
      phones: 2,
      messagesWritten: 1,
      messagesShown: 1,
    });
  });

  const refusals: [name: string, method: string, path: string, body: unknown, status: number, field?: string][] = [
    ["broken JSON", "POST", "/phones", "{", 400, "body"],
    ["no object", "POST", "/phones", "null", 400, "body"],
    ["no number", "POST", "/phones", {}, 400, "number"],
    ["a number of the wrong type", "POST", "/phones", { number: 62811 }, 400, "number"],
    ["a number that is none", "POST", "/phones", { number: "hello" }, 400, "number"],
    ["an unknown field", "POST", "/phones", { number: "+628110000", pin: "1234" }, 400, "pin"],
    ["a phone that is none in the path", "GET", "/phones/hello", undefined, 400, "number"],
    ["a phone that does not exist", "GET", "/phones/+628119999999", undefined, 404, "number"],
    ["a recipient that does not exist", "POST", `${at}/messages`, { to: "+628119999999", text: "x" }, 404, "to"],
    ["no text", "POST", `${at}/messages`, { to: user }, 400, "text"],
    ["an empty text", "POST", `${at}/messages`, { to: user, text: "" }, 400, "text"],
    ["a text that is too long", "POST", `${at}/messages`, { to: user, text: "x".repeat(65_537) }, 400, "text"],
    ["a message of no kind", "POST", `${at}/messages`, { to: user, type: "hologram" }, 400, "type"],
    ["a picture without a file", "POST", `${at}/messages`, { to: user, type: "image" }, 400, "data"],
    ["a group that does not exist", "POST", `${at}/messages`, { to: "12345@g.us", text: "x" }, 404],
    ["a vote in nothing", "POST", `${at}/messages`, { to: user, voteIn: "3A", options: [] }, 404],
    [
      "a reaction that says more",
      "POST",
      `${at}/messages`,
      { to: user, reactTo: "3A", emoji: "x", text: "y" },
      400,
      "text",
    ],
    ["a QR that is none", "POST", `${at}/scan`, { qr: "zz" }, 400, "qr"],
    ["a QR with more than it has", "POST", `${at}/scan`, { qr: "2@a,b,c,d,1", pin: 1 }, 400, "pin"],
    ["a QR that is gone", "POST", `${at}/scan`, { qr: "2@a,b,c,d,1" }, 409, "qr"],
    ["a pairing code nobody asked for", "POST", `${at}/pairing-code`, { code: "ABCD1234" }, 409],
    ["unknown receipts", "PATCH", at, { receipts: "maybe" }, 400, "receipts"],
    ["a change of nothing", "PATCH", at, {}, 400, "body"],
    ["a negative latency", "PATCH", at, { latencyMs: -1 }, 400, "latencyMs"],
    ["an unknown fault", "POST", "/faults", { kind: "gremlins" }, 400, "kind"],
    ["a fault without its code", "POST", "/faults", { kind: "stream-error", number: sender }, 400, "code"],
    ["a fault of an unknown phone", "POST", "/faults", { kind: "mute", number: "+628119999999" }, 404, "number"],
    ["a fault that is not on", "DELETE", "/faults/nope", undefined, 404],
    ["a device that is not linked", "DELETE", `${at}/devices/7`, undefined, 404],
    ["a device that is no number", "DELETE", `${at}/devices/x`, undefined, 404],
    ["a path that leads nowhere", "GET", "/nowhere", undefined, 404],
    ["a body of 10 MB", "POST", "/phones", `"${"x".repeat(10_000_000)}"`, 413],
  ];

  it.each(refusals)("refuses %s and stores nothing", async (_name, method, path, body, status, field) => {
    const simulator = await newWorld();
    const answer = await call(simulator, method, path, body);
    expect(answer).toMatchObject({ status, type: "application/problem+json" });
    expect(answer.body).toMatchObject({ status, title: expect.any(String), code: expect.any(String) });
    expect(answer.body.errors?.[0]?.field).toBe(field);
    expect(JSON.stringify(answer.body)).not.toMatch(/\bat .*\.[tj]s|node_modules/);
    expect(simulator.phones()).toHaveLength(2);
    expect(simulator.faults()).toEqual([]);
    expect(simulator.messages(sender)).toEqual([]);
  });

  it("takes JSON only, so that no form of another page can post", async () => {
    const simulator = await newWorld();
    const headers = { "content-type": "text/plain" };
    expect((await call(simulator, "POST", "/phones", { number: "+628110000" }, headers)).status).toBe(415);
  });

  it.each([
    ["application/json ; charset=utf-8", 201],
    ['application/json;charset="utf-8"', 201],
    ["Application/JSON;Charset=UTF-8", 201],
    ["application/json; charset=latin1", 415],
    ["application/json charset=utf-8", 415],
    ["application/jsonp", 415],
  ])("answers the media type %s with %i", async (type, status) => {
    const simulator = await newWorld();
    const answer = await call(simulator, "POST", "/phones", { number: "+628110000" }, { "content-type": type });
    expect(answer.status).toBe(status);
  });

  it("refuses other hosts and other origins", async () => {
    const simulator = await newWorld();
    expect(await statusWithHost(simulator, "evil.example")).toBe(403);
    expect(await statusWithHost(simulator, `localhost:${simulator.port}`)).toBe(200);
    const body = { number: "+628110000" };
    expect((await call(simulator, "POST", "/phones", body, { origin: "https://evil.example" })).status).toBe(403);
    expect((await call(simulator, "POST", "/phones", body, { "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await call(simulator, "POST", "/phones", body, { origin: simulator.httpUrl })).status).toBe(201);
  });

  it("refuses WebSockets anywhere but at /ws/chat, whatever the target is, and lives on", async () => {
    const simulator = await newWorld();
    for (const target of ["/ws/chat/elsewhere", "//", "//[", "http://[", "/ws/chat%", "*"]) {
      expect(await statusOfUpgrade(simulator, target)).toBe(404);
    }
    expect(await statusOfUpgrade(simulator, "/ws/chat?ED=AAAA")).toBe(101);
    expect((await call(simulator, "GET", "/health")).status).toBe(200);
  });

  it("refuses WebSockets of pages elsewhere, and takes those of clients", async () => {
    const simulator = await newWorld();
    const { httpUrl } = simulator;
    for (const origin of ["https://evil.example", "null", "", httpUrl, "https://web.whatsapp.com.evil.example"]) {
      expect(await statusOfUpgrade(simulator, "/ws/chat", { origin })).toBe(403);
    }
    expect(await statusOfUpgrade(simulator, "/ws/chat", { host: "evil.example" })).toBe(403);
    expect(simulator.stats().connections).toBe(0);
    expect(await statusOfUpgrade(simulator, "/ws/chat", { origin: "https://web.whatsapp.com" })).toBe(101);
    expect(await statusOfUpgrade(simulator, "/ws/chat")).toBe(101);
  });

  it("disconnects clients that do not speak the protocol", async () => {
    const simulator = await newWorld();
    for (const garbage of ["hello, this is no handshake", "WA\u0006\u0003\u0000\u0000\u0004abcd"]) {
      const socket = new WebSocket(simulator.url);
      await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
      const closed = new Promise((resolve) => socket.addEventListener("close", resolve, { once: true }));
      socket.send(Buffer.from(garbage, "latin1"));
      await closed;
    }
    expect(simulator.stats()).toMatchObject({ cutOff: 2, sockets: { open: 0 } });
  });

  it("listens on loopback only", async () => {
    const { startSimulator } = await import("../src/index.ts");
    await expect(startSimulator({ host: "0.0.0.0" })).rejects.toThrow(/loopback only/);
  });
});
