import { describe, expect, it } from "vitest";
import { type Alert, incidentMessage, inert } from "../src/alerts/render.ts";
import { providerOf, type Target } from "../src/outbound/target.ts";
import { isLoopback, targetFault } from "../src/http/targets.ts";

const textOf = (alert: Alert) => incidentMessage(alert).text;
const production = { allowLocal: false };

describe("an address that a customer has us call", () => {
  it.each([
    "https://hooks.slack.com/services/T/B/x",
    "https://example.com:8443/a?b=c",
    "https://8.8.8.8/x",
    "https://[2606:4700::1111]/x",
  ])("may be %s", (url) => expect(targetFault(url, production)).toBeUndefined());

  it.each([
    "http://example.com/",
    "ftp://example.com/",
    "javascript:alert(1)",
    "https://user:pass@example.com/",
    "https://user@example.com/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://intranet/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://0x7f.0.0.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://100.64.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://192.0.0.192/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[::ffff:0:7f00:1]/",
    "https://[4000::1]/",
    "https://[9000::1]/",
    "https://168.63.129.16/",
    "https://127.0.0.1./",
    "https://127.0.0.1../",
    "https://localhost../",
    "HTTPS://A.LocalHost./",
    "https://@10.0.0.1/",
    "https://１２７.0.0.1/",
    "not a url",
    "https://exa mple.com/",
    "",
  ])("may not be %s", (url) => expect(targetFault(url, production)).toBeTypeOf("string"));

  it("may be on this machine, in the clear, where that is allowed; nothing else private may", () => {
    const local = { allowLocal: true };
    for (const url of ["http://127.0.0.1:9000/x", "http://localhost:9000/x", "http://[::1]:9/"]) {
      expect([targetFault(url, local), targetFault(url, production) !== undefined]).toEqual([undefined, true]);
    }
    for (const url of ["http://example.com/", "https://10.0.0.1/", "http://169.254.169.254/"]) {
      expect(targetFault(url, local)).toBeTypeOf("string");
    }
    expect([isLoopback("http://127.0.0.1:8787"), isLoopback("https://api.example.com")]).toEqual([true, false]);
  });
});

describe("the text of an alert", () => {
  const evil =
    "<!channel> <https://evil.com|x> *b* _i_ ~s~ `c` @here [l](http://e.com) www.evil.com &lt; #a :fire: <b>";
  const incident = {
    kind: "offline" as const,
    reason: "connection_lost",
    subject: "ses_01jd3k9v7hq2w8x5n4b6m0c1ta",
    openedAt: Date.parse("2026-11-21T08:00:00Z"),
    since: Date.parse("2026-11-21T08:00:00Z"),
    closedAt: null as number | null,
    times: 1,
  };
  const alert = {
    notification: "opened" as const,
    incidentId: "inc_1",
    incident,
    name: "Jakarta",
    phone: "+6281200000001",
    publicUrl: "https://api.test",
  };

  it("says what happened, what to do, since when and where to look", () => {
    expect(textOf(alert).split("\n")).toEqual([
      "Session “Jakarta” (+62812•••0001) is offline.",
      "The connection was lost; the session reconnects by itself.",
      "Since 2026-11-21 08:00 UTC.",
      `${incident.subject} https://api.test/v1/sessions/${incident.subject}`,
    ]);
    const closedAt = incident.since + 240_000;
    expect(textOf({ ...alert, notification: "closed", incident: { ...incident, closedAt } })).toContain(
      "is back after 4 min.",
    );
    expect(textOf({ ...alert, notification: "reopened", incident: { ...incident, times: 3 } })).toContain(
      "for the 3rd time since 2026-11-21 08:00 UTC",
    );
  });

  it("gives a name no way to be markup, a mention or a link", async () => {
    expect(inert(evil)).not.toMatch(/[<>&@#!*_~`|\\/[\]():.]/);
    const composed = async (target: Target) =>
      (
        await providerOf(target).request(target, {
          id: "dlv_1",
          message: incidentMessage({ ...alert, name: evil }),
          telegramUrl: "https://t.test",
          isReplay: false,
          now: new Date(),
        })
      ).body;
    const slack = JSON.parse(await composed({ kind: "slack", url: "https://x.test" })) as { text: string };
    expect(slack.text.split("\n")[0]).not.toMatch(/[<>@*_~`|[\]]|https?:|www\.|evil\.com/);
    const telegram = JSON.parse(await composed({ kind: "telegram", botToken: "t", chatId: "1" })) as Record<
      string,
      string
    >;
    expect(telegram["text"]?.split("\n")[0]).not.toMatch(/[<>@#*_`/]|evil\.com/);
    expect(telegram).not.toHaveProperty("parse_mode");
    const webhook = await composed({
      kind: "webhook",
      url: "https://x.test",
      secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    });
    expect((JSON.parse(webhook) as { data: { incident: { name: string } } }).data.incident.name).toBe(evil);
  });
});
