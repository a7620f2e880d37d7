import { GetGroupRpc, HealthRpc, jobPaths, MessageId, PairingCodeRpc, QrRpc, ReachabilityRpc } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

let rig: Rig;
let sessionId: string;
const user = "+6281200000002";
beforeAll(async () => {
  rig = await startRig({ environment: { ACK_TIMEOUT_MS: "300" }, services: { chance: () => 0 } });
  sessionId = await rig.pair("+6281200000001");
  rig.simulator.createPhone({ number: user, receipts: "read" });
});
afterAll(() => rig.close());

let phones = 20;
function phone(receipts: "none" | "delivered" | "read" | "played" = "read"): string {
  const number = `+6281300000${String(++phones).padStart(3, "0")}`;
  rig.simulator.createPhone({ number, receipts });
  return number;
}
const shown = (number: string, text: string) => rig.simulator.messages(number).filter((one) => one.text.includes(text));

async function accepted(payload: { to: string; code: string } | { to: string; text: string }, ttlMs?: number) {
  const messageId = newId("msg");
  await rig.edge.accept(messageId, payload, ttlMs);
  return messageId;
}

test("a scanned QR code brings the session online", async () => {
  const other = await rig.pair("+6281200000010");
  expect(rig.edge.statesOf(other)).toEqual([
    "connecting/requested",
    "pairing",
    "connecting",
    "connecting/restart_required",
    "online",
  ]);
});

test("a code reaches the phone, and its receipts reach the edge in order", async () => {
  const messageId = await rig.send(sessionId, { to: user, code: "482913" });
  const message = await rig.simulator.waitForMessage(user, ({ text }) => text.includes("482913"));
  expect(message.text).toBe("Your Acme code is 482913. Do not share it.");
  await until("the message is read", () => rig.edge.typesOf(messageId).length === 3);
  expect(rig.edge.typesOf(messageId)).toEqual(["message.sent", "message.delivered", "message.read"]);
  const seqs = rig.edge.events.map(({ seq }) => seq);
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
});

test("a code with a dollar sign is put into the text unchanged", async () => {
  await rig.send(sessionId, { to: user, code: "$&$1" });
  const message = await rig.simulator.waitForMessage(user, ({ text }) => text.includes("$&"));
  expect(message.text).toContain("code is $&$1.");
});

test("a plain text is sent unchanged", async () => {
  const text = "https://example.com is {{code}} not a template";
  await rig.send(sessionId, { to: user, text });
  const message = await rig.simulator.waitForMessage(user, (one) => one.text.includes("{{code}}"));
  expect(message.text).toBe(text);
});

test("a job of an edge without lanes is sent, and paced like a code", async () => {
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to: user, text: "queued long ago" });
  const { lane: _, ...before } = sendJob(messageId, sessionId);
  expect((await rig.edge.deliver("/jobs/send", before)).status).toBe(200);
  expect((await rig.edge.deliver("/jobs/send", { ...before, lane: "bulk" })).status).toBe(400);
});

describe("the same job again", () => {
  test("after it is done sends nothing", async () => {
    const messageId = await accepted({ to: user, code: "111222" });
    const job = sendJob(messageId, sessionId);
    for (let i = 0; i < 3; i++) expect((await rig.edge.deliver("/jobs/send", job)).status).toBe(200);
    expect(rig.simulator.stats().duplicateDeliveries).toBe(0);
    await until("the phone shows it", () => shown(user, "111222").length === 1);
  });

  test("while it is running shares the outcome", async () => {
    const messageId = await accepted({ to: user, code: "333444" });
    const received = rig.simulator.stats().messagesReceived;
    const claims = rig.edge.claims.length;
    const jobs = Array.from({ length: 10 }, () => rig.edge.deliver("/jobs/send", sendJob(messageId, sessionId)));
    expect((await Promise.all(jobs)).map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(rig.simulator.stats().messagesReceived).toBe(received + 1);
    expect(rig.edge.claims.length).toBe(claims + 1);
    await until("the phone shows it", () => shown(user, "333444").length === 1);
  });

  test("after an ack that never came is the same message for the phone", async () => {
    const to = phone();
    const messageId = await accepted({ to, code: "555666" });
    rig.simulator.setFault({ kind: "no-ack", to, times: 1 });
    const job = sendJob(messageId, sessionId);
    const first = await rig.edge.deliver("/jobs/send", job);
    expect(first.status).toBe(503);
    expect(Number(first.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await rig.edge.deliverUntilDone("/jobs/send", job)).toBe(200);
    expect(shown(to, "555666")).toHaveLength(1);
    await until("it is read", () => rig.edge.typesOf(messageId).length === 3);
    expect(rig.edge.typesOf(messageId)).toEqual(["message.sent", "message.delivered", "message.read"]);
  });
});

test("messages to many at once all arrive", async () => {
  const all = await Promise.all(
    Array.from({ length: 30 }, async (_, i) => ({ to: phone(), code: String(700_000 + i), messageId: "" })),
  );
  for (const one of all) one.messageId = await accepted(one);
  const outcomes = await Promise.all(
    all.map(({ messageId }) => rig.edge.deliver("/jobs/send", sendJob(messageId, sessionId))),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(all.map(() => 200));
  for (const { to, code } of all) await rig.simulator.waitForMessage(to, ({ text }) => text.includes(code));
  expect(all.map(({ to, code }) => shown(to, code).length)).toEqual(all.map(() => 1));
});

async function failure(payload: { to: string; code: string }) {
  const messageId = await rig.send(sessionId, payload);
  await until("it has failed", () => rig.edge.failureOf(messageId));
  expect(rig.edge.typesOf(messageId)).toEqual(["message.failed"]);
  return rig.edge.failureOf(messageId);
}

describe("what cannot be sent is reported", () => {
  test("a number without WhatsApp, asked once", async () => {
    expect(await failure({ to: "+6281299999999", code: "123123" })).toBe("not_on_whatsapp");
    rig.simulator.createPhone({ number: "+6281299999999" });
    expect(await failure({ to: "+6281299999999", code: "123123" })).toBe("not_on_whatsapp");
  });

  test("463: the account may not open new chats, by number and by hidden id, and it is not tried again", async () => {
    const to = phone();
    rig.simulator.setFault({ kind: "send-error", code: 463, to });
    const errors = rig.simulator.stats().sendErrors;
    expect(await failure({ to, code: "463463" })).toBe("new_chats_locked");
    expect(rig.simulator.stats().sendErrors).toBe(errors + 2);
    rig.simulator.clearFaults();
  });

  test("479 once: the devices are asked for again and the message arrives", async () => {
    const to = phone();
    rig.simulator.setFault({ kind: "send-error", code: 479, to, times: 1 });
    const messageId = await rig.send(sessionId, { to, code: "479479" });
    await until("the phone shows it", () => shown(to, "479479").length === 1);
    await until("it is reported", () => rig.edge.isFinal(messageId));
    expect(rig.edge.typesOf(messageId)[0]).toBe("message.sent");
  });

  test.each([479, 475, 999])("%s for good is a refusal", async (code) => {
    const to = phone();
    rig.simulator.setFault({ kind: "send-error", code, to });
    expect(await failure({ to, code: "479000" })).toBe("refused");
    rig.simulator.clearFaults();
  });

  test("a payload that was sealed to another key", async () => {
    const messageId = newId("msg");
    rig.edge.claimAnswer = (id) =>
      id === messageId
        ? {
            outcome: "claimed",
            messageId,
            sealed: "a.b.c.d.e",
            template: null,
            expiresAt: new Date(Date.now() + 60_000).toISOString(),
            attempt: 1,
          }
        : null;
    expect((await rig.edge.deliver("/jobs/send", sendJob(messageId, sessionId))).status).toBe(200);
    rig.edge.claimAnswer = null;
    await until("it has failed", () => rig.edge.failureOf(messageId) === "unreadable");
  });

  test("a session that has ended or was deleted", async () => {
    const other = await rig.pair("+6281200000009");
    rig.simulator.setFault({ kind: "device-removed", number: "+6281200000009" });
    await until("it has ended", () => rig.edge.statesOf(other).at(-1) === "ended/logged_out");
    const first = await rig.send(other, { to: user, code: "100200" });
    await until("it has failed", () => rig.edge.failureOf(first) === "session_ended");
    await rig.setDesiredState({ sessionId: other, desired: "deleted" });
    await until("it is gone", () => rig.edge.statesOf(other).at(-1) === "ended/requested");
    const second = await rig.send(other, { to: user, code: "100201" });
    await until("it has failed", () => rig.edge.failureOf(second) === "session_ended");
    expect(shown(user, "10020")).toHaveLength(0);
  });
});

describe("what is not to be sent costs nothing", () => {
  test("an expired job", async () => {
    const messageId = await accepted({ to: user, code: "900900" });
    const claims = rig.edge.claims.length;
    expect((await rig.edge.deliver("/jobs/send", sendJob(messageId, sessionId, -1))).status).toBe(200);
    expect(rig.edge.claims.length).toBe(claims);
  });

  test("a canceled message", async () => {
    expect((await rig.edge.deliver("/jobs/send", sendJob(newId("msg"), sessionId))).status).toBe(200);
  });
});

describe("not now is 503 with a time", () => {
  test.each([
    ["a session nobody has heard of", async () => sendJob(newId("msg"), newId("ses"))],
    [
      "a message that another holds",
      async () => {
        rig.edge.claimAnswer = (messageId) => ({ outcome: "busy", messageId, retryAfterMs: 2500 });
        return sendJob(newId("msg"), sessionId);
      },
    ],
    [
      "an edge that does not answer",
      async () => {
        rig.edge.isDown = true;
        return sendJob(newId("msg"), sessionId);
      },
    ],
  ])("%s", async (_name, job) => {
    const response = await rig.edge.deliver("/jobs/send", await job());
    rig.edge.claimAnswer = null;
    rig.edge.isDown = false;
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await response.json()).toMatchObject({ code: "connector-unavailable", status: 503 });
  });

  test("a session that is reconnecting sends when it is back", async () => {
    const messageId = await accepted({ to: user, code: "606060" });
    rig.simulator.setFault({ kind: "drop", number: "+6281200000001" });
    expect(await rig.edge.deliverUntilDone("/jobs/send", sendJob(messageId, sessionId))).toBe(200);
    await until("the phone shows it", () => shown(user, "606060").length === 1);
  });
});

describe("receipts", () => {
  test("of a phone that was offline come when it is back", async () => {
    const to = phone("delivered");
    rig.simulator.updatePhone(to, { online: false });
    const messageId = await rig.send(sessionId, { to, code: "717171" });
    await until("it is sent", () => rig.edge.isFinal(messageId));
    rig.simulator.updatePhone(to, { online: true });
    await until("it is delivered", () => rig.edge.typesOf(messageId).includes("message.delivered"));
    expect(rig.edge.typesOf(messageId)).toEqual(["message.sent", "message.delivered"]);
  });

  test("that arrive twice are reported once", async () => {
    const to = phone();
    rig.simulator.setFault({ kind: "duplicate-receipts", number: to });
    const messageId = await rig.send(sessionId, { to, code: "818181" });
    await until("it is read", () => rig.edge.typesOf(messageId).includes("message.read"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(rig.edge.typesOf(messageId)).toEqual(["message.sent", "message.delivered", "message.read"]);
  });

  test("of a note that was played are reported, after those that it was read", async () => {
    const to = phone("played");
    const messageId = await rig.send(sessionId, { to, text: "a voice note" });
    await until("it is played", () => rig.edge.typesOf(messageId).length === 4);
    const order = ["message.sent", "message.delivered", "message.read", "message.played"];
    expect(rig.edge.typesOf(messageId)).toEqual(order);
  });

  test("of phones that speak LID count as well", async () => {
    const to = phone();
    rig.simulator.updatePhone(to, { addressing: "lid" });
    const messageId = await rig.send(sessionId, { to, code: "828282" });
    await until("it is read", () => rig.edge.typesOf(messageId).length === 3);
    expect(rig.edge.typesOf(messageId).at(-1)).toBe("message.read");
  });

  test("that arrive before the ack report the sent state first", async () => {
    const to = phone();
    const messageId = await accepted({ to, code: "838383" });
    rig.simulator.setFault({ kind: "no-ack", to, times: 1 });
    expect((await rig.edge.deliver("/jobs/send", sendJob(messageId, sessionId))).status).toBe(503);
    await until("it is read", () => rig.edge.typesOf(messageId).length === 3);
    expect(rig.edge.typesOf(messageId)).toEqual(["message.sent", "message.delivered", "message.read"]);
    expect((await rig.edge.deliver("/jobs/send", sendJob(messageId, sessionId))).status).toBe(200);
    expect(shown(to, "838383")).toHaveLength(1);
  });
});

test("a phone that could not decrypt asks again and gets the same message", async () => {
  const to = phone();
  rig.simulator.setFault({ kind: "corrupt-to-phone", number: to, times: 1 });
  const messageId = await rig.send(sessionId, { to, code: "848484" });
  await rig.simulator.waitForMessage(to, ({ text }) => text.includes("848484"));
  expect(rig.simulator.stats().retriesAsked).toBeGreaterThan(0);
  await until("it is read", () => rig.edge.typesOf(messageId).length === 3);
});

test("what people write is received and confirmed, and stored nowhere", async () => {
  await rig.simulator.send(user, { to: "+6281200000001", text: "a private answer" });
  await until(
    "the server has nothing left for it",
    () => rig.simulator.phone("+6281200000001").devices[0]!.queued === 0,
  );
  expect(rig.log.join("")).not.toContain("private answer");
});

const job = () => sendJob(newId("msg"), sessionId);

describe("jobs that QStash did not sign", () => {
  test.each([
    ["another key", { key: "sig_of_somebody_else" }],
    ["another address", { url: "http://elsewhere.example/jobs/send" }],
    ["another body", { tamper: true }],
  ])("%s is 401", async (_name, how) => {
    const response = await rig.edge.deliver("/jobs/send", job(), how);
    expect(response.status).toBe(401);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
  });

  test("the next key is as good as the current one", async () => {
    const { next } = rig.edge.keys.qstash;
    expect((await rig.edge.deliver("/jobs/send", job(), { key: next })).status).toBe(200);
  });

  test.each([
    ["no signature", {}],
    ["an unsigned token", { "upstash-signature": "eyJhbGciOiJub25lIn0.eyJpc3MiOiJVcHN0YXNoIn0." }],
  ])("%s is 401", async (_name, headers) => {
    const response = await fetch(`${rig.edge.connectorUrl}/jobs/send`, { method: "POST", headers, body: "{}" });
    expect(response.status).toBe(401);
  });

  test("a signed body of another shape is 400, and one that is too long 413", async () => {
    expect((await rig.edge.deliver("/jobs/send", { messageId: "x" })).status).toBe(400);
    expect((await rig.edge.deliver("/jobs/session", [])).status).toBe(400);
    expect((await rig.edge.deliver("/jobs/send", { long: "x".repeat(20_000) })).status).toBe(413);
  });
});

describe("rpc", () => {
  test("needs a token of the edge, for this request, once", async () => {
    const body = { sessionId };
    expect((await rig.edge.rpc("/rpc/sessions/qr", body)).status).toBe(200);
    expect((await rig.edge.rpc("/rpc/sessions/qr", body, "nonsense")).status).toBe(401);
    let token = "";
    const sent = globalThis.fetch;
    globalThis.fetch = (url, init) => {
      token = new Headers(init?.headers).get("authorization")!.slice(7);
      return sent(url, init);
    };
    await rig.edge.rpc("/rpc/sessions/qr", body);
    globalThis.fetch = sent;
    expect((await rig.edge.rpc("/rpc/sessions/qr", body, token)).status).toBe(401);
    expect((await rig.edge.rpc("/rpc/sessions/pairing-code", { ...body, phone: user }, token)).status).toBe(401);
  });

  test("knows its sessions, and which of them can be paired", async () => {
    expect((await rig.edge.rpc("/rpc/sessions/qr", { sessionId: newId("ses") })).status).toBe(404);
    expect(await (await rig.edge.rpc("/rpc/sessions/qr", { sessionId })).json()).toEqual({ state: "online", qr: null });
    const response = await rig.edge.rpc("/rpc/sessions/pairing-code", { sessionId, phone: user });
    expect([response.status, await response.json()]).toMatchObject([
      409,
      { code: "session-not-pairing", type: `${rig.edge.url}/problems/session-not-pairing` },
    ]);
    expect((await rig.edge.rpc("/rpc/sessions/qr", { sessionId: 1 })).status).toBe(400);
    expect((await rig.edge.rpc("/rpc/nothing", {})).status).toBe(404);
  });

  test("a pairing code links a phone", async () => {
    const number = "+6281200000031";
    rig.simulator.createPhone({ number });
    const other = newId("ses");
    await rig.setDesiredState({ sessionId: other });
    await until("it is pairing", () => rig.edge.statesOf(other).at(-1) === "pairing");
    const response = await rig.edge.rpc("/rpc/sessions/pairing-code", { sessionId: other, phone: number });
    const { code, expiresAt } = (await response.json()) as { code: string; expiresAt: string };
    expect(code).toMatch(/^[0-9A-Z]{8}$/);
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now() + 60_000);
    await until("the phone asks for the code", () => rig.simulator.phone(number).awaitsPairingCode);
    await rig.simulator.enterPairingCode(number, code);
    await until("it is online", () => rig.edge.statesOf(other).at(-1) === "online");
    expect(
      rig.edge.events.findLast((event) => event.sessionId === other && event.type === "session.state"),
    ).toMatchObject({ phone: number });
  });
});

test.each([
  ...Object.values(jobPaths),
  QrRpc.path,
  PairingCodeRpc.path,
  HealthRpc.path,
  ReachabilityRpc.path,
  GetGroupRpc.path,
])("%s parses no body whose sender it does not know", async (path) => {
  const parse = vi.spyOn(JSON, "parse");
  const forged = { authorization: "Bearer a.b.c", "upstash-signature": "a.b.c" };
  const large = "[{}]".padEnd(1_000_000);
  for (const [body, headers] of [
    ["{", {}],
    ["{", forged],
    [large, {}],
    [large, { authorization: "Bearer nonsense" }],
  ] as const) {
    const response = await fetch(rig.edge.connectorUrl + path, { method: "POST", headers: { ...headers }, body });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      401,
      "service-token-invalid",
    ]);
    expect(parse.mock.calls.filter(([text]) => text === body)).toEqual([]);
  }
  parse.mockRestore();
});

const get = (path: string) => fetch(rig.edge.connectorUrl + path);

test("health, readiness and metrics answer", async () => {
  await rig.send(sessionId, { to: user, code: "929292" });
  expect(await (await get("/healthz")).json()).toEqual({ status: "ok" });
  expect(await (await get("/readyz")).json()).toEqual({ status: "ready", problems: [] });
  const metrics = await until("the edge has taken everything", async () => {
    const text = await rig.metrics();
    return text.includes("sandi_outbox_waiting 0") && text;
  });
  expect(metrics).toContain('sandi_sessions{state="online"}');
  expect(metrics).toMatch(/sandi_sends_total\{result="sent"\} \d+/);
});

test("metrics are served on their own port only, and nothing else is there", async () => {
  expect((await get("/metrics")).status).toBe(404);
  const port = rig.environment["METRICS_PORT"];
  for (const path of ["/", "/healthz", "/rpc/sessions/qr"]) {
    expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(404);
  }
});

test("ids in this file are ids", () => expect(MessageId.safeParse(newId("msg")).success).toBe(true));
