import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AlertDelivery, CreatedAlertChannel, Incident } from "@sandi/contracts";
import { verifyWebhook } from "@sandi/crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AlertTargets, startAlertTargets } from "../src/alert-targets.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

const botToken = "123456789:AAFakeFakeFakeFakeFakeFakeFakeFake-_";

describe("alerts", () => {
  let stack: TestStack;
  let targets: AlertTargets;
  const channels: CreatedAlertChannel[] = [];

  beforeAll(async () => {
    targets = await startAlertTargets(botToken);
    stack = await startTestStack({ edgeEnv: { TELEGRAM_API_URL: targets.url } });
    const inputs = [
      { kind: "telegram", botToken, chatId: "-1001234567890" },
      { kind: "slack", url: `${targets.url}/services/T000/B000/secretofslack` },
      { kind: "webhook", url: `${targets.url}/alerts?token=secretquery` },
    ];
    for (const input of inputs) {
      const made = await stack.api<CreatedAlertChannel>("POST /v1/alert-channels", {
        name: "On call",
        afterSeconds: 0,
        ...input,
      });
      if (made.status !== 201) throw new Error(`the channel was not made: ${JSON.stringify(made.body)}`);
      channels.push(made.body);
    }
  });
  afterAll(async () => {
    await stack.destroy();
    await targets.close();
  });

  const fault = (method: string, body?: object) =>
    fetch(`${stack.simulatorUrl}/faults`, {
      method,
      ...(body ? { headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {}),
    });
  const incidents = async () => (await stack.api<{ incidents: Incident[] }>("GET /v1/incidents")).body.incidents;
  const state = async () =>
    (await stack.api<{ state: string }>(`GET /v1/sessions/${stack.local.sessionId}`)).body.state;
  const text = (path: string) =>
    targets.received
      .filter((each) => each.path.startsWith(path))
      .map(({ body }) => JSON.parse(body) as { text?: string; data?: { text: string } })
      .map(({ text: plain, data }) => (plain ?? data?.text ?? "").split("\n")[0] ?? "");

  it("each channel gets one report when a session loses its connection, and one when it is back", async () => {
    await fault("POST", { kind: "login-failure", reason: 503 });
    await fault("POST", { kind: "drop" });
    await eventually("the first alerts", async () => targets.received.length === 3);
    // It flaps on for as long as WhatsApp refuses.
    await eventually("some attempts", async () => {
      const { body } = await stack.api<{ attempts: number }>(`GET /v1/sessions/${stack.local.sessionId}`);
      return body.attempts >= 2;
    });
    await stack.runCron();
    expect(targets.received).toHaveLength(3);
    await fault("DELETE");
    await eventually("the session", async () => (await state()) === "online");
    await eventually("the second alerts", async () => targets.received.length === 6);
    await stack.runCron();
    for (const path of ["/bot", "/services", "/alerts"]) {
      expect(text(path)).toEqual([
        expect.stringMatching(/^Session “.+” \(\+62.*•••[0-9]{4}\) is offline\.$/),
        expect.stringMatching(/ is back after [0-9]+ (?:s|min)\.$/),
      ]);
    }
    expect(await incidents()).toMatchObject([{ kind: "offline", ending: "recovered", times: 1 }]);
  });

  it("the webhook's calls bear its signature, and each delivery is noted", async () => {
    const { id, secret } = channels[2]!;
    const calls = targets.received.filter(({ path }) => path.startsWith("/alerts"));
    for (const { headers, body } of calls) {
      const given = new Headers(headers as Record<string, string>);
      expect(await verifyWebhook({ secrets: [secret ?? ""], headers: given, body, now: new Date() })).toBe(true);
    }
    const deliveries = await eventually("the notes", async () => {
      const { body } = await stack.api<{ deliveries: AlertDelivery[] }>(`GET /v1/alert-channels/${id}/deliveries`);
      return body.deliveries.every(({ status }) => status === "delivered") && body.deliveries;
    });
    expect(deliveries.map(({ notification, attempts }) => [notification, attempts])).toEqual([
      ["closed", 1],
      ["opened", 1],
    ]);
  });

  it("the secrets of alert channels are in no file of the stack and in no line of its output", async () => {
    const files = (await readdir(stack.dataFolder)).filter((name) => /\.db(?:-wal)?$/.test(name));
    expect(files).toContain("qstash.db");
    const bytes = await Promise.all(files.map((name) => readFile(join(stack.dataFolder, name), "latin1")));
    const all = bytes.join("\n") + stack.lines.join("\n");
    expect(all).toContain("/internal/deliver");
    const secret = channels[2]?.secret?.slice("whsec_".length) ?? "none";
    for (const hidden of [botToken, botToken.slice(10), "-1001234567890", "secretofslack", "secretquery", secret]) {
      expect(all).not.toContain(hidden);
    }
  });
});
