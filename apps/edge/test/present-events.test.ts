import type { InArgs } from "@libsql/client";
import { type Event, type EventType, eventTypes, tokenIn, type Verification } from "@sandi/contracts";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { runCron } from "../src/cron.ts";
import { chatId, messageId, otherChatId, personId, receive, shownEvent, shownEvents } from "./events-world.ts";
import { type Edge, wrong } from "./harness.ts";
import { receiveFile } from "./media-world.ts";
import { connectorOf, recipient, seeVerification, text, verify } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let connector: ReturnType<typeof connectorOf>;
let sessionId: string;
/** Whom the facts are about. */
let to: string;
beforeEach(async () => {
  connector = connectorOf(edge);
  sessionId = await edge.addSession();
  to = recipient;
});

const cron = async (ms = 0) => {
  edge.advance(ms);
  await runCron(edge.services);
  await edge.settled();
};
const later = () => new Date(edge.services.now().getTime() + 3_600_000).toISOString();
const check = (id: string, code: string) => edge.api(`POST /v1/verifications/${id}/check`, { code });

/** A message of the API that WhatsApp took. */
async function sent() {
  const { body } = await text(edge, { to, sessionId });
  await connector.claim(body.id, sessionId);
  await connector.report(sessionId, "message.sent", { messageId: body.id, chatId });
  return body.id;
}
/** What happens to a message of the API. */
const toSent =
  (type: string, more: object = {}) =>
  async () => {
    await connector.report(sessionId, type, { messageId: await sent(), ...more });
  };
/** What happens to a message that somebody wrote. */
const toReceived =
  (type: string, more: object = {}) =>
  async () => {
    await receive(edge, sessionId);
    await connector.report(sessionId, type, { messageId, ...more });
  };
const failedCode = async (reason: string) => {
  const { delivery } = (await verify(edge, { to, route: { sessionId } })).body;
  await connector.claim(delivery!.messageId, sessionId);
  await connector.failed(delivery!.messageId, sessionId, reason);
};
const wrongly = async (times: number) => {
  const { id } = (await verify(edge, { to })).body;
  const code = await edge.codeOf(id);
  for (let i = 0; i < times; i++) await check(id, wrong(code));
};

/** How each type of event comes about. */
const facts: Record<EventType, () => Promise<unknown>> = {
  "message.scheduled": () => text(edge, { to, sendAt: later() }),
  "message.queued": () => text(edge, { to }),
  "message.rerouted": async () => {
    await edge.addSession();
    const { body } = await text(edge, { to });
    await connector.claim(body.id, body.sessionId!);
    await connector.failed(body.id, body.sessionId!, "account_restricted");
  },
  "message.sent": sent,
  "message.delivered": toSent("message.delivered"),
  "message.read": toSent("message.read"),
  "message.played": toSent("message.played"),
  "message.failed": async () => {
    const { body } = await text(edge, { to });
    await connector.claim(body.id, sessionId);
    await connector.failed(body.id, sessionId, "refused");
  },
  "message.canceled": async () => edge.api(`POST /v1/messages/${(await text(edge, { to })).body.id}/cancel`),
  "message.received": () => receive(edge, sessionId),
  "message.revoked": toReceived("message.revoked"),
  "message.deleted": toReceived("message.deleted"),
  "message.media": async () => {
    await receive(edge, sessionId, { type: "image" });
    const { mediaId } = await receiveFile(edge, { sessionId, messageId }, new Uint8Array([1, 2, 3]));
    await connector.report(sessionId, "message.media", { messageId, mediaState: "stored", mediaId });
  },
  "message.edited": toReceived("message.edited", { personId }),
  "message.reaction": toSent("message.reaction", { personId }),
  "message.reply": toSent("message.reply", { personId, replyId: messageId }),
  "poll.vote": toSent("poll.vote", { personId }),
  "verification.created": () => verify(edge, { to }),
  "verification.resent": async () => {
    await verify(edge, { to });
    edge.advance(30_000);
    await verify(edge, { to });
  },
  "verification.received": async () => {
    const { inbound } = (await verify(edge, { to, mode: "inbound" })).body;
    await connector.report(sessionId, "message.received", {
      from: to,
      token: tokenIn(inbound!.text),
      isForwarded: false,
    });
  },
  "verification.switched": () => failedCode("new_chats_locked"),
  "verification.check_failed": () => wrongly(1),
  "verification.approved": async () => {
    const { id } = (await verify(edge, { to })).body;
    await check(id, await edge.codeOf(id));
  },
  "verification.canceled": async () =>
    edge.api(`POST /v1/verifications/${(await verify(edge, { to })).body.id}/cancel`),
  "verification.expired": async () => {
    await verify(edge, { to });
    await cron(600_000);
  },
  "verification.max_attempts_reached": () => wrongly(5),
  "verification.blocked": async () => {
    await verify(edge, { to });
    await edge.api("POST /v1/access-rules", { effect: "block", kind: "number", value: to });
  },
  "verification.undeliverable": () => failedCode("refused"),
  "session.state": () => connector.state(sessionId, "waiting"),
  "session.account": () =>
    connector.report(sessionId, "session.state", {
      state: "online",
      reason: null,
      phone: "+6281200000009",
      revision: 1,
    }),
  "session.limits": () => connector.lock(sessionId),
  "session.proxy": () => edge.api(`PUT /v1/sessions/${sessionId}/proxy`, { url: "socks5://proxy.example.com" }),
  "chat.merged": () => connector.report(sessionId, "chat.merged", { chatId, mergedIds: [otherChatId] }),
  "batch.finished": async () => {
    await edge.api("POST /v1/batches", { message: { type: "text", text: "Hi" }, recipients: [{ to }] });
    await cron(15_000);
    const [row] = await edge.rows("SELECT id FROM message WHERE batch_id IS NOT NULL");
    await connector.claim(String(row?.["id"]), sessionId);
    await connector.sent(String(row?.["id"]), sessionId);
    await cron(60_000);
  },
};

/** Every fact that leaves the session as it is. */
const happen = async () => {
  for (const [i, type] of eventTypes.entries()) {
    if (type.startsWith("session.") || type === "verification.switched") continue;
    to = `+62812345${60_000 + i}`;
    await facts[type]();
    edge.advance(31_000);
  }
};

describe("an event", () => {
  it.each(eventTypes)("%s is shown with its resource, in the shape of its type", async (type) => {
    await facts[type]();
    const event = await shownEvent(edge, type);
    expect(event.data).not.toBeNull();
    expect(event.isTest).toBe(false);
  });

  it.each(eventTypes)("%s is shown without its resource when that is not stored any more", async (type) => {
    await facts[type]();
    const { data: _, ...event } = await shownEvent(edge, type);
    for (const table of ["message", "verification", "batch"]) await edge.client.execute(`DELETE FROM ${table}`);
    await edge.client.execute("UPDATE session SET desired = 'deleted'");
    const { id, change, sequence, at } = event;
    expect(await shownEvent(edge, type)).toMatchObject({ id, sequence, at, data: null });
    expect(Object.keys((await shownEvent(edge, type)).change)).toEqual(Object.keys(change));
  });
});

describe("a page of events", () => {
  it("costs one call to the database, however many events it has", async () => {
    await happen();
    edge.calls.database = 0;
    const events = await shownEvents(edge);
    expect(events.length).toBeGreaterThan(60);
    // One of them reads the rows.
    expect(edge.calls.database).toBe(2);
  }, 30_000);

  it("reads no table as a whole, and no other rows of its workspace", async () => {
    await happen();
    const batch = vi.spyOn(edge.client, "batch");
    await shownEvents(edge);
    const statements = batch.mock.calls.flatMap(([each]) => each as { sql: string; args: InArgs }[]);
    expect(statements).toHaveLength(8);
    const plans = await Promise.all(
      statements.map(({ sql, args }) => edge.client.execute({ sql: `EXPLAIN QUERY PLAN ${sql}`, args })),
    );
    const steps = plans.flatMap(({ rows }) => rows.map(({ detail }) => detail as string));
    expect(steps.filter((step) => step.startsWith("SEARCH")).length).toBeGreaterThan(8);
    const isTable = /^SCAN (?!json_each|wanted|CONSTANT|\(subquery)/;
    expect(steps.filter((step) => step.includes("(workspace_id=?)") || isTable.test(step))).toEqual([]);
  }, 30_000);

  it("has no code, no text of a code, no token and nothing sealed", async () => {
    const secrets: string[] = [];
    const hide = async ({ body }: { body: Verification }) => {
      if (body.mode === "push") secrets.push(await edge.codeOf(body.id));
      const seen = await seeVerification(edge, body);
      if (seen.inbound) secrets.push(tokenIn(seen.inbound.text)!, seen.inbound.link);
    };
    await happen();
    await hide(await verify(edge, { to: recipient, purpose: "pay", code: "480213" }));
    await hide(await verify(edge, { to: recipient, purpose: "write", mode: "inbound" }));
    const page = JSON.stringify(await shownEvents(edge));
    expect(secrets).toEqual(["480213", expect.any(String), expect.stringContaining("https://wa.me/")]);
    for (const secret of secrets) expect(page).not.toContain(secret);
    const stored = await edge.rows(`SELECT sealed AS text FROM message UNION SELECT template FROM message
      UNION SELECT text FROM verification UNION SELECT code_mac FROM verification UNION SELECT sealed_code FROM verification
      UNION SELECT token_mac FROM verification UNION SELECT to_hash FROM verification UNION SELECT to_hash FROM message`);
    const texts = stored.map((row) => String(row["text"])).filter((each) => each !== "null" && each !== "");
    expect(texts.length).toBeGreaterThan(5);
    for (const each of texts) expect(page).not.toContain(each);
  }, 30_000);

  it("is in the order of its rows, with their positions", async () => {
    await facts["message.read"]();
    const events = await shownEvents(edge);
    const rows = await edge.rows("SELECT seq FROM event ORDER BY seq");
    expect(events.map(({ sequence }: Event) => sequence)).toEqual(rows.map((row) => row["seq"]));
  });

  it("is shown without an event that cannot be shown, which is logged", async () => {
    await facts["session.proxy"]();
    await facts["message.queued"]();
    await edge.client.execute(`UPDATE event SET data = '{"proxy":{}}' WHERE type = 'session.proxy'`);
    const shown = (await shownEvents(edge)).map(({ type }) => type);
    expect(shown).toEqual(["session.state", "message.queued"]);
    expect(edge.logs).toEqual([expect.stringMatching(/^event evt_\w{26} cannot be shown$/)]);
  });

  it("costs no call without events", async () => {
    edge.calls.database = 0;
    expect(await shownEvents(edge, { test: 1 })).toEqual([]);
    expect(edge.calls.database).toBe(1);
  });
});
