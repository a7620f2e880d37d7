import { deliverPath, type AuditList, type CreatedAlertChannel } from "@sandi/contracts";
import { Webhook } from "standardwebhooks";
import { beforeEach, describe, expect, it } from "vitest";
import { createChannel } from "../src/alerts/create-channel.ts";
import { DatabaseFetchError } from "../src/db/failures.ts";
import {
  type Alerts,
  botToken,
  queueSignature,
  slackRefusals,
  slackUrl,
  telegramRefusals,
  webhookUrl,
} from "./alerts-world.ts";
import { queueKeys } from "./harness.ts";
import { useAlerts } from "./use-alerts.ts";

const path = "/v1/alert-channels";
const telegram = { kind: "telegram", url: undefined, botToken, chatId: "-1001234567890" };
const webhook = { kind: "webhook", url: webhookUrl };
const slack = { kind: "slack", name: "On call", url: slackUrl };

let world: Alerts;
useAlerts((started) => (world = started));
let session: string;

beforeEach(async () => {
  session = await world.edge.addSession();
});

/** Opens an incident that is reported at once. */
async function ban(): Promise<void> {
  world.edge.advance(1);
  await world.state(session, "ended", "banned");
}

async function everything(): Promise<string> {
  const { edge } = world;
  const tables = await edge.rows("SELECT name FROM sqlite_master WHERE type = 'table'");
  const all = await Promise.all(tables.map(({ name }) => edge.rows(`SELECT * FROM "${String(name)}"`)));
  return JSON.stringify([all, edge.logs, edge.requests, edge.jobs, edge.spans]);
}

describe("an alert channel", () => {
  it("is made, shown masked, changed and deleted, each of which is audited", async () => {
    const made = await world.addChannel({ ...telegram, afterSeconds: 30, mutedKinds: ["limited"] });
    expect(made).toMatchObject({
      kind: "telegram",
      target: "chat •••890",
      afterSeconds: 30,
      mutedKinds: ["limited"],
      secret: null,
    });
    world.edge.advance(1);
    const { body: changed } = await world.edge.api(`PATCH ${path}/${made.id}`, { name: "Night", mutedKinds: [] });
    expect(changed).toMatchObject({ name: "Night", mutedKinds: [], afterSeconds: 30 });
    const { body: list } = await world.edge.api<{ channels: object[] }>(`GET ${path}`);
    expect(list.channels).toEqual([changed]);
    world.edge.advance(1);
    expect((await world.edge.api(`DELETE ${path}/${made.id}`)).status).toBe(204);
    expect((await world.edge.api(`GET ${path}/${made.id}`)).status).toBe(404);
    const { body: audit } = await world.edge.api<AuditList>("GET /v1/audit");
    expect(audit.entries.map(({ action }) => action)).toEqual([
      "alert_channel.deleted",
      "alert_channel.updated",
      "alert_channel.created",
    ]);
  });

  it("is made once per Idempotency-Key, and its secret is not answered again", async () => {
    const headers = { "idempotency-key": "one" };
    const input = { name: "Ours", ...webhook };
    const first = await world.edge.api<CreatedAlertChannel>(`POST ${path}`, input, { headers });
    await world.edge.settled();
    const again = await world.edge.api<CreatedAlertChannel>(`POST ${path}`, input, { headers });
    expect(first.body.secret).toMatch(/^whsec_/);
    expect(again.body).toEqual({ ...first.body, secret: null });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(await world.edge.count("endpoint")).toBe(1);
  });

  it("is refused when there are as many as there may be", async () => {
    const ctx = await world.edge.contextOf();
    const input = { ...slack, kind: "slack" as const, afterSeconds: 60, mutedKinds: [] };
    await createChannel(ctx, { input, idempotencyKey: undefined }, 1);
    await expect(createChannel(ctx, { input, idempotencyKey: undefined }, 1)).rejects.toMatchObject({
      code: "alert-channel-limit-reached",
    });
  });

  it("is not left behind by a write whose answer was lost and then withdrawn", async () => {
    const { db } = world.edge.services;
    let isLost = false;
    world.edge.services.db = {
      ...db,
      write: (async (queries: Parameters<typeof db.write>[0]) => {
        const results = await db.write(queries);
        if (isLost) return results;
        isLost = true;
        throw new DatabaseFetchError("lost");
      }) as typeof db.write,
    };
    const answer = await world.edge.api(`POST ${path}`, slack);
    expect([answer.status, await world.edge.count("endpoint")]).toEqual([201, 1]);
  });

  it("keeps what others change while it is being changed: a pause for failures, or a name", async () => {
    const { id } = await world.addChannel();
    const { db } = world.edge.services;
    const meanwhile = ["paused_at = 1, paused_because = 'failures', failures_in_row = 20", "name = 'Theirs'"];
    world.edge.services.db = {
      ...db,
      write: (async (queries: Parameters<typeof db.write>[0]) => {
        const theirs = meanwhile.shift();
        if (theirs) await world.edge.client.execute(`UPDATE endpoint SET ${theirs}`);
        return db.write(queries);
      }) as typeof db.write,
    };
    const { body } = await world.edge.api(`PATCH ${path}/${id}`, { afterSeconds: 5 });
    const all = { name: "Theirs", afterSeconds: 5, pausedBecause: "failures", failuresInRow: 20 };
    expect(body).toMatchObject(all);
    expect(await world.channel(id)).toMatchObject(all);
  });

  it("goes to https addresses on the public internet only", async () => {
    for (const url of [
      "http://example.com/x",
      "https://127.0.0.1/",
      "https://localhost/x",
      "https://169.254.169.254/",
    ]) {
      for (const kind of ["slack", "webhook"]) {
        const { status, body } = await world.edge.api(`POST ${path}`, { kind, name: "x", url });
        expect([status, body.errors?.[0]?.pointer]).toEqual([400, "/url"]);
      }
    }
    expect(await world.edge.count("endpoint")).toBe(0);
  });

  it("belongs to its workspace: every route answers 404 for another workspace, and refuses test keys and other scopes", async () => {
    const { id } = await world.addChannel();
    const stranger = (await world.edge.addWorkspace()).key;
    const routes: [string, object?][] = [
      [`GET ${path}/${id}`],
      [`PATCH ${path}/${id}`, { name: "Mine" }],
      [`DELETE ${path}/${id}`],
      [`POST ${path}/${id}/test`],
      [`GET ${path}/${id}/deliveries`],
    ];
    const before = await world.edge.rows("SELECT * FROM endpoint");
    for (const [request, input] of routes) {
      expect((await world.edge.api(request, input, { key: stranger })).body.code).toBe("alert-channel-not-found");
    }
    const few = await world.edge.addKey(world.edge.workspace.id, ["otp:send", "session:manage"]);
    for (const [request, input] of routes)
      expect((await world.edge.api(request, input, { key: few })).status).toBe(403);
    const test = await world.edge.addKey(world.edge.workspace.id, undefined, { environment: "test" });
    expect((await world.edge.api(`POST ${path}`, slack, { key: test })).status).toBe(403);
    expect(await world.edge.rows("SELECT * FROM endpoint")).toEqual(before);
    expect(world.edge.jobs).toEqual([]);
  });

  it("has its token, addresses and secret in no table, log, job or answer in clear", async () => {
    const channels = [await world.addChannel(telegram), await world.addChannel(), await world.addChannel(webhook)];
    await ban();
    world.answers.push(new TypeError(`fetch failed: ${webhookUrl} ${botToken}`));
    await world.deliver();
    const answers = JSON.stringify([
      (await world.edge.api(`GET ${path}`)).text,
      (await world.edge.api("GET /v1/audit")).text,
      ...(await Promise.all(channels.map(({ id }) => world.deliveries(id)))),
      await world.incidents(),
    ]);
    const secret = channels[2]?.secret ?? "none";
    const all = (await everything()) + answers;
    for (const text of [botToken, botToken.slice(10), "-1001234567890", "secretpartofit", "secretquery", secret]) {
      expect(all).not.toContain(text);
    }
  });
});

describe("a delivery", () => {
  it("goes to Telegram as plain text, to Slack as escaped text, and to a webhook signed as Standard Webhooks do", async () => {
    await world.addChannel(telegram);
    await world.addChannel();
    const { secret } = await world.addChannel(webhook);
    await world.edge.client.execute("UPDATE session SET name = '<!channel> *R&D*'");
    await ban();
    expect(await world.deliver()).toEqual([200, 200, 200]);
    const call = (part: string) => world.calls.find(({ url }) => url.includes(part))!;
    expect(JSON.parse(call("telegram").body)).toMatchObject({
      chat_id: "-1001234567890",
      link_preview_options: { is_disabled: true },
    });
    expect(JSON.parse(call("slack").body)).toEqual({ text: expect.stringMatching(/^Session “‹！channel› ∗R＆D∗”/) });
    const { headers, body } = call("ops.example.com");
    const verified = new Webhook(secret!);
    // The library reads the real clock.
    const lately = Math.abs(Date.now() - world.edge.services.now().getTime()) < 240_000;
    if (lately) verified.verify(body, headers);
    const at = new Date(Number(headers["webhook-timestamp"]) * 1000);
    expect(headers["webhook-signature"]).toBe(verified.sign(headers["webhook-id"]!, at, body));
    expect(JSON.parse(body)).toMatchObject({
      type: "incident.opened",
      data: {
        incident: {
          kind: "needs_action",
          reason: "banned",
          sessionId: session,
          name: "<!channel> *R&D*",
          number: "+62812•••0001",
        },
      },
    });
  });

  it("is a test when asked for, with an answer and a trace of how it went", async () => {
    const { id } = await world.addChannel();
    const { status, body } = await world.edge.api(`POST ${path}/${id}/test`);
    const went = { notification: "test", status: "delivered", attempts: 1, lastStatus: 200, error: null };
    expect([status, body]).toMatchObject([200, { ...went, answer: null }]);
    expect(world.told()).toEqual(["This is a test of Sandi's alerts."]);
    expect(await world.deliveries(id)).toMatchObject([went]);
    expect(world.edge.jobs).toEqual([]);
  });

  it.each([
    ["Slack refuses", {}, slackRefusals.no_service, { lastStatus: 404, error: "refused", answer: "no_service" }],
    [
      "Telegram refuses",
      telegram,
      telegramRefusals.blocked,
      { lastStatus: 403, error: "refused", answer: "Forbidden: bot was blocked by the user" },
    ],
    [
      "an address of ours refuses",
      webhook,
      { status: 404, retryAfter: null, text: "no_secretquery" },
      { lastStatus: 404, error: "refused", answer: null },
    ],
    ["nobody answers", {}, new TypeError("fetch failed"), { lastStatus: null, error: "unreachable", answer: null }],
  ])("as a test shows that %s, once, and pauses nothing", async (_, input, answer, told) => {
    const { id } = await world.addChannel(input);
    await world.edge.client.execute("UPDATE endpoint SET failures_in_row = 19");
    world.answers.push(answer);
    const { status, body } = await world.edge.api(`POST ${path}/${id}/test`);
    expect([status, body]).toMatchObject([200, { status: "failed", attempts: 1, ...told }]);
    world.edge.advance(3600_000);
    await world.cron();
    await world.deliver();
    expect(world.calls).toHaveLength(1);
    expect(await world.channel(id)).toMatchObject({ failuresInRow: 19, pausedAt: null });
  });

  it("as a test reaches a paused channel, whose failures in a row end when it succeeds", async () => {
    const { id } = await world.addChannel();
    await world.edge.api(`PATCH ${path}/${id}`, { isPaused: true });
    await world.edge.client.execute("UPDATE endpoint SET failures_in_row = 20");
    expect((await world.edge.api(`POST ${path}/${id}/test`)).body["status"]).toBe("delivered");
    expect(await world.channel(id)).toMatchObject({ failuresInRow: 0, pausedBecause: "requested" });
  });

  it("follows a Telegram group to the supergroup that it became", async () => {
    const { id } = await world.addChannel({ ...telegram, chatId: "-100" });
    world.answers.push(telegramRefusals.upgraded);
    expect((await world.edge.api(`POST /v1/alert-channels/${id}/test`)).body).toMatchObject({
      status: "delivered",
      answer: null,
    });
    const chats = world.calls.map(({ body }) => (JSON.parse(body) as { chat_id: string }).chat_id);
    expect(chats).toEqual(["-100", "-1001234567890"]);
    world.answers.push(telegramRefusals.upgraded, telegramRefusals.upgraded);
    expect((await world.edge.api(`POST /v1/alert-channels/${id}/test`)).body).toMatchObject({ status: "failed" });
    expect(world.calls).toHaveLength(4);
  });

  it("is asked for again when Telegram wants time, and not when the bot was blocked", async () => {
    const { id } = await world.addChannel(telegram);
    await ban();
    const [job] = world.edge.jobs;
    const deliveryId = job?.kind === "delivery" ? job.body.deliveryId : "";
    world.answers.push(telegramRefusals.tooMany, telegramRefusals.blocked);
    const first = await world.knock(deliveryId);
    expect([first.status, first.body]).toEqual([200, { outcome: "retry", error: "rate_limited" }]);
    await world.edge.settled();
    const again = world.edge.jobs.findLast(({ kind }) => kind === "delivery");
    expect(again).toMatchObject({ notBefore: world.edge.services.now().getTime() + 35_000 });
    expect([(await world.knock(deliveryId)).body, world.calls.length]).toEqual([{ outcome: "nothing" }, 1]);
    world.edge.advance(35_000);
    expect(await world.deliveries(id)).toMatchObject([{ status: "queued", lastStatus: 429, error: "rate_limited" }]);
    expect((await world.channel(id)).failuresInRow).toBe(0);
    const second = await world.knock(deliveryId);
    expect([second.status, second.body]).toEqual([200, { outcome: "failed", error: "refused" }]);
    expect(await world.deliveries(id)).toMatchObject([
      { status: "failed", attempts: 2, lastStatus: 403, error: "refused" },
    ]);
    expect((await world.knock(deliveryId)).status).toBe(200);
    expect(world.calls).toHaveLength(2);
  });

  it.each([
    ["invalid_payload", slackRefusals.invalid_payload, "failed", "refused"],
    ["channel_is_archived", slackRefusals.channel_is_archived, "failed", "refused"],
    ["no_service", slackRefusals.no_service, "failed", "refused"],
    ["a redirect", { status: 302, retryAfter: null, text: "" }, "failed", "redirected"],
    ["an outage", { status: 502, retryAfter: null, text: "" }, "queued", "server_error"],
    ["no connection", new TypeError("fetch failed"), "queued", "unreachable"],
    ["silence", new DOMException("late", "TimeoutError"), "queued", "timed_out"],
  ])("that meets %s is noted as what it is", async (_, answer, status, error) => {
    const { id } = await world.addChannel();
    await ban();
    world.answers.push(answer);
    expect(await world.deliver()).toEqual([200]);
    expect(await world.deliveries(id)).toMatchObject([{ error, status }]);
  });

  it("is made by QStash only, for this very address and body, lately, with the current or the next key", async () => {
    await world.addChannel();
    await ban();
    const [job] = world.edge.jobs;
    const deliveryId = job?.kind === "delivery" ? job.body.deliveryId : "";
    const body = JSON.stringify({ deliveryId });
    const now = world.edge.services.now();
    const wrong = [
      undefined,
      "",
      "a.b.c",
      queueSignature(body, now, {}, "another key"),
      queueSignature(`${body} `, now),
      queueSignature(body, now, { sub: "https://api.test/internal/events" }),
      queueSignature(body, now, { iss: "Somebody" }),
      queueSignature(body, now, { exp: now.getTime() / 1000 - 60 }),
      queueSignature(body, now, { nbf: now.getTime() / 1000 + 60 }),
      queueSignature(body, now).replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString("base64url")),
    ];
    for (const signature of wrong) {
      const headers: Record<string, string> = signature === undefined ? {} : { "upstash-signature": signature };
      expect((await world.knock(deliveryId, headers)).status).toBe(401);
    }
    expect(world.calls).toEqual([]);
    const next = queueSignature(body, now, {}, queueKeys[1]);
    expect((await world.knock(deliveryId, { "upstash-signature": next })).status).toBe(200);
    expect(
      (
        await world.edge.api(`POST ${deliverPath}`, "{}", {
          key: null,
          headers: { "upstash-signature": queueSignature("{}", now) },
        })
      ).status,
    ).toBe(400);
  });

  it("is made by one call at a time", async () => {
    await world.addChannel();
    await ban();
    const [job] = world.edge.jobs;
    const deliveryId = job?.kind === "delivery" ? job.body.deliveryId : "";
    let second = 0;
    world.edge.target = async () => {
      second = (await world.knock(deliveryId)).status;
      return { status: 200, retryAfter: null, text: "ok" };
    };
    expect((await world.knock(deliveryId)).status).toBe(200);
    expect(second).toBe(503);
  });

  it("that was not published is published by the cron, again and again for a day", async () => {
    const { id } = await world.addChannel();
    world.edge.queueIsDown = true;
    await ban();
    expect(world.edge.jobs).toEqual([]);
    world.edge.queueIsDown = false;
    world.edge.advance(15_000);
    await world.cron();
    expect(world.edge.jobs).toHaveLength(1);
    world.edge.jobs.splice(0);
    world.edge.advance(60_000);
    await world.cron();
    await world.deliver();
    expect(world.told()).toHaveLength(1);
    await world.edge.client.execute("UPDATE delivery SET status = 'queued'");
    world.edge.advance(25 * 3600_000);
    await world.cron();
    expect(await world.deliveries(id)).toMatchObject([{ status: "failed", error: "expired" }]);
  });
});

describe("a channel that fails", () => {
  it("20 times in a row is paused, the other channels are notified, and it works again when it is fixed", async () => {
    const { id } = await world.addChannel({ name: "Broken" });
    const { secret } = await world.addChannel(webhook);
    expect(secret).not.toBeNull();
    await ban();
    const [delivery] = await world.deliveries(id);
    const deliveryId = delivery?.id ?? "";
    await world.deliver();
    world.calls.splice(0);
    await world.edge.client.execute({
      sql: "UPDATE delivery SET status = 'queued' WHERE id = ?",
      args: [deliveryId],
    });
    for (let i = 0; i < 20; i++) {
      expect((await world.channel(id)).pausedAt).toBeNull();
      world.answers.push({ status: 500, retryAfter: null, text: "" });
      expect((await world.knock(deliveryId)).body).toMatchObject({ outcome: "retry" });
      world.edge.advance(120_000);
    }
    expect(await world.channel(id)).toMatchObject({ failuresInRow: 20, pausedBecause: "failures" });
    expect((await world.knock(deliveryId)).status).toBe(200);
    await world.edge.settled();
    world.calls.splice(0);
    await world.deliver();
    expect(
      world.calls.map(({ body }) => (JSON.parse(body) as { data: { text: string } }).data.text.split("\n")[0]),
    ).toEqual(["Alert channel “Broken” is paused."]);
    expect((await world.incidents("?state=open")).incidents.map(({ kind }) => kind).toSorted()).toEqual([
      "channel_paused",
      "needs_action",
    ]);
    world.calls.splice(0);
    await world.edge.api(`PATCH ${path}/${id}`, { isPaused: false });
    world.edge.advance(3600_000);
    await world.cron();
    await world.deliver();
    expect(world.calls.map(({ url }) => url).toSorted()).toEqual([slackUrl, webhookUrl].toSorted());
    expect(await world.channel(id)).toMatchObject({ failuresInRow: 0, pausedAt: null });
  });

  it("less often is not: one success ends the row", async () => {
    const { id } = await world.addChannel();
    await world.edge.client.execute("UPDATE endpoint SET failures_in_row = 19");
    await ban();
    await world.deliver();
    expect((await world.channel(id)).failuresInRow).toBe(0);
  });
});
