import type { AuditList } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { type Alerts, botToken, slackUrl, webhookUrl } from "./alerts-world.ts";
import { signaturesOf } from "./signatures.ts";
import { useAlerts } from "./use-alerts.ts";

const path = "/v1/alert-channels";
const telegram = { kind: "telegram", url: undefined, botToken: `${botToken}old`, chatId: "-1009" };
const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

let world: Alerts;
useAlerts((started) => (world = started));

const patch = async (id: string, change: object) => {
  world.edge.advance(1);
  return world.edge.api(`PATCH ${path}/${id}`, change);
};
const test = async (id: string) => {
  const { body } = await world.edge.api(`POST ${path}/${id}/test`);
  return body["status"];
};
const row = async () => (await world.edge.rows("SELECT target, updated_at FROM endpoint"))[0];

describe("where an alert channel goes", () => {
  it("changes to another chat or another bot's token, each of which may be given alone", async () => {
    const { id } = await world.addChannel(telegram);
    expect(await test(id)).toBe("failed");
    expect((await patch(id, { botToken })).body).toMatchObject({ target: "chat •••009" });
    expect(await test(id)).toBe("failed");
    expect((await patch(id, { chatId: "-1001234567890" })).body).toMatchObject({ target: "chat •••890" });
    expect(await test(id)).toBe("delivered");
  });

  it("changes to another address, also for what is on its way, and starts with no failures", async () => {
    const session = await world.edge.addSession();
    const { id } = await world.addChannel({ url: "https://hooks.slack.test/services/T000/B000/old" });
    world.edge.advance(1);
    await world.state(session, "ended", "banned");
    await world.edge.client.execute("UPDATE endpoint SET failures_in_row = 7");
    expect((await patch(id, { url: slackUrl })).body).toMatchObject({
      target: "https://hooks.slack.test/…",
      failuresInRow: 0,
    });
    await world.deliver();
    expect(world.calls.map(({ url }) => url)).toEqual([slackUrl]);
  });

  it("stays paused until a request resumes it, with the new address already in place", async () => {
    const { id } = await world.addChannel();
    await patch(id, { isPaused: true });
    expect((await patch(id, { url: webhookUrl })).body).toMatchObject({ pausedBecause: "requested" });
    expect((await patch(id, { isPaused: false, url: slackUrl })).body).toMatchObject({ pausedAt: null });
    expect(await test(id)).toBe("delivered");
  });

  it("is an https address on the public internet after a change, too", async () => {
    const { id } = await world.addChannel();
    const before = await row();
    for (const url of ["http://example.com/x", "https://127.0.0.1/", "https://169.254.169.254/"]) {
      const { status, body } = await patch(id, { url });
      expect([status, body.errors?.[0]?.pointer]).toEqual([400, "/url"]);
    }
    expect(await row()).toEqual(before);
  });

  it("takes only what belongs to the channel's kind", async () => {
    const channels = {
      telegram: await world.addChannel(telegram),
      slack: await world.addChannel(),
      webhook: await world.addChannel({ kind: "webhook", url: webhookUrl }),
    };
    const changes = { botToken, chatId: "-1", url: webhookUrl, secret };
    const foreign = {
      telegram: ["url", "secret"],
      slack: ["botToken", "chatId", "secret"],
      webhook: ["botToken", "chatId"],
    };
    const before = await world.edge.rows("SELECT * FROM endpoint");
    for (const kind of ["telegram", "slack", "webhook"] as const) {
      for (const name of foreign[kind] as (keyof typeof changes)[]) {
        const { status, body } = await patch(channels[kind].id, { name: "Other", [name]: changes[name] });
        expect([kind, status, body.errors]).toMatchObject([kind, 400, [{ pointer: `/${name}` }]]);
      }
    }
    expect(await world.edge.rows("SELECT * FROM endpoint")).toEqual(before);
  });

  it("is not stored again when nothing changes", async () => {
    const { id } = await world.addChannel();
    const before = await row();
    expect((await patch(id, { url: slackUrl })).status).toBe(200);
    expect(await row()).toEqual(before);
  });

  it("keeps the changes of two who change it at the same time", async () => {
    const { id } = await world.addChannel(telegram);
    await Promise.all([patch(id, { botToken }), patch(id, { chatId: "-1001234567890" }), patch(id, { name: "Night" })]);
    expect((await world.channel(id)).name).toBe("Night");
    expect(await test(id)).toBe("delivered");
  });
});

describe("the secret of a plain webhook", () => {
  it("can be replaced: for a day both sign, then the new one alone", async () => {
    const made = await world.addChannel({ kind: "webhook", url: webhookUrl });
    expect((await patch(made.id, { secret })).status).toBe(200);
    await test(made.id);
    expect(signaturesOf(world.calls[0]!, [secret, made.secret!])).toEqual([true, true]);
    world.edge.advance(24 * 3600_000);
    await test(made.id);
    expect(signaturesOf(world.calls[1]!, [secret, made.secret!])).toEqual([true, false]);
    expect(world.calls[1]!.headers["webhook-signature"]).not.toContain(" ");
  });

  it.each(["short", "whsec_AAAA", "v2,whsec_AAAA"])("is refused when it is none: %s", async (wrong) => {
    const { id } = await world.addChannel({ kind: "webhook", url: webhookUrl });
    const { status, body } = await patch(id, { secret: wrong });
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, "/secret"]);
  });
});

it("a changed target is audited without what it is", async () => {
  const { id } = await world.addChannel({ kind: "webhook", url: "https://old.example.com/x?token=oldquery" });
  await patch(id, { url: webhookUrl });
  await patch(id, { secret });
  const { body, text } = await world.edge.api<AuditList>("GET /v1/audit");
  expect(body.entries.map(({ detail }) => detail).slice(0, 2)).toEqual([
    { secrets: "replaced" },
    { secrets: "replaced", target: { from: "https://old.example.com/…", to: "https://ops.example.com/…" } },
  ]);
  const tables = ["endpoint", "delivery", "audit", "idempotency"];
  const rows = await Promise.all(tables.map((table) => world.edge.rows(`SELECT * FROM ${table}`)));
  const all = JSON.stringify([rows, text, world.edge.logs, world.edge.jobs]);
  for (const hidden of ["oldquery", "secretquery", secret, secret.slice(6)]) expect(all).not.toContain(hidden);
});
