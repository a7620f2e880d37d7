import { PairingCodeRpc, QrRpc, type Session, type Verification, eventsPath } from "@sandi/contracts";
import { inflateSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const qr = { qr: "2@abcdefgh,ijklmnop", expiresAt: "2026-11-21T08:00:20.000Z" };

const create = () => edge.api<Session>("POST /v1/sessions", { name: "Support" });
const state = (sessionId: string, revision: number, more: Record<string, unknown> = {}) =>
  edge.internal(eventsPath, {
    connectorId: "a",
    events: [
      {
        id: "evt_01jd3k9v7hq2w8x5n4b6m0c1ta",
        seq: revision,
        sessionId,
        at: edge.services.now().toISOString(),
        type: "session.state",
        state: "stopped",
        reason: "requested",
        phone: null,
        revision,
        ...more,
      },
    ],
  });

describe("a session", () => {
  it("is created wanting to run, listed and found", async () => {
    const { status, body } = await create();
    expect([status, body.state, body.reason, body.phone]).toEqual([201, "stopped", "created", null]);
    await edge.settled();
    expect(edge.jobs).toEqual([
      {
        kind: "session",
        body: { sessionId: body.id, workspaceId: edge.workspace.id, desired: "running", revision: 1, proxy: null },
        mediaDownload: "all",
        deduplicationId: `${body.id}.1.1`,
      },
    ]);
    expect((await edge.api("GET /v1/sessions")).body).toEqual({ sessions: [body] });
    expect((await edge.api(`GET /v1/sessions/${body.id}`)).body).toEqual(body);
  });

  it("is created once for one Idempotency-Key", async () => {
    const headers = { "idempotency-key": "s" };
    const first = await edge.api<Session>("POST /v1/sessions", { name: "a" }, { headers });
    const again = await edge.api<Session>("POST /v1/sessions", { name: "a" }, { headers });
    expect([again.status, again.body.id, await edge.count("session")]).toEqual([201, first.body.id, 1]);
  });

  it("stores each desired state as a new revision, which cron publishes until a connector confirms it", async () => {
    const { body } = await create();
    for (const action of ["restart", "logout"]) {
      expect((await edge.api(`POST /v1/sessions/${body.id}/${action}`)).status).toBe(202);
    }
    await edge.settled();
    expect(edge.jobs.map((job) => [job.deduplicationId, "desired" in job.body && job.body.desired])).toEqual([
      [`${body.id}.1.1`, "running"],
      [`${body.id}.2.1`, "running"],
      [`${body.id}.3.1`, "logged_out"],
    ]);
    edge.advance(15_000);
    await runCron(edge.services);
    expect(edge.jobs.at(-1)?.deduplicationId).toBe(`${body.id}.3.2`);
    await state(body.id, 3);
    edge.advance(60_000);
    await runCron(edge.services);
    expect(edge.jobs.length).toBe(4);
  });

  it("is hidden as soon as it is deleted, and its row is deleted when the connector has confirmed", async () => {
    const { body } = await create();
    expect((await edge.api(`DELETE /v1/sessions/${body.id}`)).status).toBe(204);
    for (const request of [
      `GET /v1/sessions/${body.id}`,
      `DELETE /v1/sessions/${body.id}`,
      `POST /v1/sessions/${body.id}/restart`,
    ]) {
      expect((await edge.api(request)).status).toBe(404);
    }
    expect((await edge.api("GET /v1/sessions")).body).toEqual({ sessions: [] });
    await state(body.id, 1);
    expect(await edge.count("session")).toBe(1);
    await state(body.id, 2);
    expect(await edge.count("session")).toBe(0);
  });

  it("fails what still waits for it when it is logged out or deleted", async () => {
    const sessionId = await edge.addSession();
    const to = "+6281234567890";
    const { body: verification } = await edge.api("POST /v1/verifications", { to });
    const { body: text } = await edge.api("POST /v1/messages", { sessionId, to, type: "text", text: "hi" });
    await edge.api(`POST /v1/sessions/${sessionId}/logout`);
    const found = await edge.api(`GET /v1/verifications/${verification["id"] as string}`);
    expect(found.body).toMatchObject({ status: "undeliverable", delivery: { status: "failed" } });
    const message = await edge.api(`GET /v1/messages/${text["id"] as string}`);
    expect(message.body).toMatchObject({ status: "failed", failure: { reason: "session_ended" } });
    const refused = await edge.api("POST /v1/messages", { sessionId, to, type: "text", text: "hi" });
    expect([refused.status, refused.body.code]).toEqual([409, "session-ended"]);
  });

  it("leaves a code that was sent open to checks when a resend of it waited", async () => {
    const sessionId = await edge.addSession();
    const to = "+6281234567890";
    const { body: first } = await edge.api<Verification>("POST /v1/verifications", { to });
    const sent = {
      id: "evt_01jd3k9v7hq2w8x5n4b6m0c1ta",
      seq: 1,
      sessionId,
      at: edge.services.now().toISOString(),
      type: "message.sent",
      messageId: first.delivery!.messageId,
    };
    await edge.internal(eventsPath, { connectorId: "a", events: [sent] });
    edge.advance(30_000);
    await edge.api("POST /v1/verifications", { to });
    await edge.api(`POST /v1/sessions/${sessionId}/logout`);
    const code = await edge.codeOf(first.id);
    expect((await edge.api(`POST /v1/verifications/${first.id}/check`, { code })).status).toBe(200);
  });
});

const get = (path: string, accept?: string) =>
  edge.fetch(
    new Request(`https://api.test${path}`, {
      headers: { authorization: `Bearer ${edge.workspace.key}`, ...(accept === undefined ? {} : { accept }) },
    }),
  );

describe("linking", () => {
  let id: string;
  beforeEach(async () => {
    id = await edge.addSession("pairing");
    edge.connector = (path) =>
      path === QrRpc.path
        ? { status: 200, body: { state: "pairing", qr } }
        : { status: 200, body: { code: "K7QX2M9P", expiresAt: qr.expiresAt } };
  });

  it("shows the QR code as JSON, SVG or PNG, never to be stored", async () => {
    for (const accept of [undefined, "*/*", "application/json"]) {
      const answer = await get(`/v1/sessions/${id}/qr`, accept);
      expect([answer.status, await answer.json(), answer.headers.get("cache-control")]).toEqual([200, qr, "no-store"]);
    }
    const svg = await get(`/v1/sessions/${id}/qr`, "image/svg+xml");
    expect(svg.headers.get("content-type")).toBe("image/svg+xml");
    expect(await svg.text()).toMatch(/^<svg .*<\/svg>$/);
    const png = await get(`/v1/sessions/${id}/qr`, "image/png,*/*;q=0.5");
    expect(png.headers.get("content-type")).toBe("image/png");
    const bytes = Buffer.from(await png.arrayBuffer());
    const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
    const length = bytes.readUInt32BE(33);
    expect(bytes.subarray(37, 41).toString()).toBe("IDAT");
    expect(inflateSync(bytes.subarray(41, 41 + length)).length).toBe((1 + Math.ceil(width / 8)) * height);
    expect((await get(`/v1/sessions/${id}/qr`, "text/plain")).status).toBe(406);
  });

  it("says when there is none, when no connector answers, and passes a connector's reason on", async () => {
    edge.connector = () => ({ status: 200, body: { state: "online", qr: null } });
    expect((await edge.api(`GET /v1/sessions/${id}/qr`)).body.code).toBe("session-not-pairing");
    edge.connector = () => undefined;
    const silent = await edge.api(`GET /v1/sessions/${id}/qr`);
    expect([silent.status, silent.body.code]).toEqual([503, "connector-unavailable"]);
    edge.connector = () => ({ status: 500, body: { code: "internal-error", detail: "secret" } });
    const broken = await edge.api(`GET /v1/sessions/${id}/qr`);
    expect([broken.status, broken.text.includes("secret")]).toEqual([503, false]);
    edge.connector = () => ({ status: 409, body: { code: "session-not-pairing" } });
    expect((await edge.api(`POST /v1/sessions/${id}/pairing-code`, { phone: "+6281200000001" })).status).toBe(409);
  });

  it("asks for a pairing code", async () => {
    const asked: unknown[] = [];
    edge.connector = (path, body) => {
      asked.push(path, body);
      return { status: 200, body: { code: "K7QX2M9P", expiresAt: qr.expiresAt } };
    };
    const { status, body } = await edge.api(`POST /v1/sessions/${id}/pairing-code`, { phone: "+6281200000001" });
    expect([status, body["code"]]).toEqual([200, "K7QX2M9P"]);
    expect(asked).toEqual([PairingCodeRpc.path, { sessionId: id, phone: "+6281200000001" }]);
  });

  it("has a page behind a signed link that shows the code, then that it is linked, for ten minutes", async () => {
    const { body } = await edge.api<{ url: string; expiresAt: string }>(`POST /v1/sessions/${id}/qr-page`);
    expect(body.expiresAt).toBe("2026-11-21T08:10:00.000Z");
    const path = body.url.slice("https://api.test".length);
    const open = (accept: string, url = path) =>
      edge.fetch(new Request(`https://api.test${url}`, { headers: { accept } }));
    const page = await open("text/html");
    const text = await page.text();
    expect([page.status, page.headers.get("cache-control")]).toEqual([200, "no-store"]);
    const nonce = /nonce-([\w-]+)/.exec(page.headers.get("content-security-policy") ?? "")?.[1];
    expect(text).toContain(`<script nonce="${nonce}">`);
    expect(text).toContain("<svg");
    expect(await (await open("application/json")).json()).toMatchObject({ state: "pairing", phone: null });
    await edge.client.execute("UPDATE session SET state = 'online', phone = '+6281200000001'");
    expect(await (await open("application/json")).json()).toMatchObject({
      state: "online",
      title: "Linked",
      phone: "+6281200000001",
      qr: null,
    });
    const other = await edge.addSession();
    for (const bad of [path.replace(id, other), path.split("?")[0] ?? "", `${path}x`]) {
      expect((await open("application/json", bad)).status).toBe(403);
    }
    edge.advance(600_000);
    expect((await open("application/json")).status).toBe(403);
  });
});
