import { ConnectorEvent, eventsPath, sealedFor, type Session } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let id: string;
let seq = 0;

beforeEach(async () => {
  id = await edge.addSession("online");
});

const url = "socks5://user:s3cret@proxy.example.com";
const put = (more: unknown = { url }, key = edge.workspace.key) =>
  edge.api<Session>(`PUT /v1/sessions/${id}/proxy`, more, { key });
const look = async () => (await edge.api<Session>(`GET /v1/sessions/${id}`)).body;
const lastJob = () => edge.jobs.findLast((job) => job.kind === "session")?.body as { revision: number; proxy: string };

async function tell(isHealthy: boolean, at = ++seq) {
  const event = { type: "session.proxy", sessionId: id, seq: at, at: edge.services.now().toISOString(), isHealthy };
  const events = [ConnectorEvent.parse({ id: `evt_${String(at).padStart(26, "0")}`, ...event })];
  expect((await edge.internal(eventsPath, { connectorId: "a", events })).status).toBe(200);
}

describe("a session's proxy", () => {
  it("is sealed to the connector, travels under a new revision, and is shown without its credentials", async () => {
    const { status, body } = await put();
    const shown = { scheme: "socks5", host: "proxy.example.com", port: 1080, isHealthy: null };
    expect([status, body.proxy]).toEqual([200, shown]);
    await edge.settled();
    expect(lastJob().revision).toBe(2);
    expect(await edge.unseal(lastJob().proxy)).toEqual({ url });
    expect(await edge.purposeOf(lastJob().proxy)).toBe(sealedFor.proxy(id, edge.workspace.id));
    await edge.api(`POST /v1/sessions/${id}/restart`);
    await edge.settled();
    expect([lastJob().revision, await edge.unseal(lastJob().proxy)]).toEqual([3, { url }]);
    const answers = [body, await look(), (await edge.api(`GET /v1/sessions/${id}/events`)).body];
    const tables = ["session", "event", "audit", "idempotency"].map((table) => edge.rows(`SELECT * FROM ${table}`));
    const everything = JSON.stringify([answers, await Promise.all(tables), edge.jobs, edge.logs]);
    expect(everything).toContain("proxy.example.com");
    expect(everything).not.toContain("s3cret");
  });

  it("is taken away once, and the next job says so", async () => {
    await put();
    edge.advance(1);
    for (let i = 0; i < 2; i++) expect((await edge.api(`DELETE /v1/sessions/${id}/proxy`)).status).toBe(204);
    await edge.settled();
    expect([(await look()).proxy, lastJob()]).toMatchObject([null, { revision: 3, proxy: null }]);
    const { body } = await edge.api<{ entries: { detail: unknown }[] }>("GET /v1/audit?action=session.proxy_changed");
    expect(body.entries.map(({ detail }) => detail)).toEqual([
      { proxy: { to: null } },
      { proxy: { to: { scheme: "socks5", host: "proxy.example.com", port: 1080 } } },
    ]);
  });

  it("is healthy or not as the newest event says, and the history has it", async () => {
    await tell(true);
    expect((await look()).proxy).toBe(null);
    await put();
    await tell(true);
    await tell(false);
    await tell(true, seq - 1);
    expect((await look()).proxy?.isHealthy).toBe(false);
    await put({ url: "https://other.example.com:8443" });
    expect((await look()).proxy).toEqual({ scheme: "https", host: "other.example.com", port: 8443, isHealthy: null });
    const { body } = await edge.api<{ events: { type: string; proxy?: Session["proxy"] }[] }>(
      `GET /v1/sessions/${id}/events`,
    );
    expect(body.events.flatMap(({ type, proxy }) => (type === "session.proxy" ? [proxy?.isHealthy] : []))).toEqual([
      null,
      false,
      true,
      null,
    ]);
  });

  it.each([
    "ftp://proxy.example.com",
    "http://",
    "proxy.example.com:8080",
    "http://proxy.example.com/path",
    "http://proxy.example.com?x=s3cret",
    "http://%zz:s3cret@proxy.example.com",
    `http://${"a".repeat(300)}:s3cret@proxy.example.com`,
    "http://proxy.example.com:0",
  ])("is not taken from %s, and the refusal does not quote it", async (bad) => {
    const { status, body, text } = await put({ url: bad });
    expect([status, body.code, text.includes("s3cret")]).toEqual([400, "invalid-request", false]);
    expect((await look()).proxy).toBe(null);
  });

  it("of another workspace's session is not touched", async () => {
    const stranger = await edge.addWorkspace("Other");
    expect((await put({ url }, stranger.key)).status).toBe(404);
    const { status } = await edge.api(`DELETE /v1/sessions/${id}/proxy`, undefined, { key: stranger.key });
    expect([status, (await look()).proxy]).toEqual([404, null]);
  });
});
