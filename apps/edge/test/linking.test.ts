import { QrRpc, type Session } from "@sandi/contracts";
import { beforeEach, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

beforeEach(() => {
  edge.connector = (path) =>
    path === QrRpc.path
      ? { status: 200, body: { state: "connecting", qr: null } }
      : { status: 409, body: { code: "session-not-pairing" } };
});

const ask = async (id: string) => [
  await edge.api(`GET /v1/sessions/${id}/qr`),
  await edge.api(`POST /v1/sessions/${id}/pairing-code`, { phone: "+6281200000001" }),
];

it("a session that is still being started has no code yet, and says when to ask again", async () => {
  const { body } = await edge.api<Session>("POST /v1/sessions", { name: "a" });
  for (const id of [body.id, await edge.addSession("connecting")]) {
    for (const answer of await ask(id)) {
      expect([answer.status, answer.body.code, answer.headers.get("retry-after")]).toEqual([
        409,
        "session-not-pairing",
        "1",
      ]);
      expect(answer.body.detail).toBe("The connector is still starting the session; try again in a second.");
    }
  }
});

it("a session that is online has none, and says so", async () => {
  for (const answer of await ask(await edge.addSession("online"))) {
    expect([answer.status, answer.body.code, answer.headers.get("retry-after")]).toEqual([
      409,
      "session-not-pairing",
      null,
    ]);
    expect(answer.body.detail).toBe("Its state is online.");
  }
});
