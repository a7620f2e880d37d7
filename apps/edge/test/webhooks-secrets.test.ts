import { type CreatedWebhook, tokenIn, type WebhookDeliveryList } from "@sandi/contracts";
import { expect, it } from "vitest";
import { messageId, person, personId, receive } from "./events-world.ts";
import { everything } from "./everything.ts";
import { wrong } from "./harness.ts";
import { recipient, text, verify } from "./senders.ts";
import { useWebhooks } from "./use-webhooks.ts";
import type { Webhooks } from "./webhooks-world.ts";

let world: Webhooks;
useWebhooks((started) => (world = started));

it("no code, token, text or secret is in an event, a row, a job or a log, whatever a webhook is sent and answers", async () => {
  const { edge, connector, session } = world;
  const make = { url: "https://app.example.com/hook", events: ["*"], headers: { authorization: "Bearer of-theirs" } };
  const webhook = (await edge.api<CreatedWebhook>("POST /v1/webhooks", make)).body;
  const path = `/v1/webhooks/${webhook.id}`;
  const rotated = (await edge.api<CreatedWebhook>(`POST ${path}/rotate-secret`, {})).body;
  world.edge.target = (call) => {
    world.calls.push(call);
    return { status: world.calls.length % 2 ? 500 : 200, retryAfter: null, text: "answer-of-theirs" };
  };

  const { body: push } = await verify(edge);
  const code = await edge.codeOf(push.id);
  await connector.claim(push.delivery!.messageId, session);
  for (const type of ["sent", "delivered", "read"])
    await connector.report(session, `message.${type}`, { messageId: push.delivery!.messageId });
  await edge.api(`POST /v1/verifications/${push.id}/check`, { code: wrong(code) });
  await edge.api(`POST /v1/verifications/${push.id}/check`, { code });
  const own = { to: "+6281355500009", purpose: "pay", code: "480213" };
  await edge.api(`POST /v1/verifications/${(await verify(edge, own)).body.id}/cancel`);
  const { inbound } = (await verify(edge, { to: recipient, purpose: "write", mode: "inbound" })).body;
  const token = tokenIn(inbound!.text)!;
  await connector.report(session, "message.received", { from: recipient, token, isForwarded: false });
  await text(edge, { text: "kata-kata sendiri" });
  await receive(
    edge,
    session,
    {},
    {
      from: person,
      content: { type: "text", text: "tulisan orang" },
      quotedMessageId: null,
    },
  );
  await connector.report(session, "message.edited", {
    messageId,
    personId,
    content: { change: { from: person, text: "tulisan baru", formerText: "tulisan orang" } },
  });
  await edge.settled();
  await world.cron();

  const jobs = JSON.stringify(edge.jobs);
  await world.run(edge.services.now().getTime() + 60_000);
  const { deliveries } = (await edge.api<WebhookDeliveryList>(`GET ${path}/deliveries?status=delivered`)).body;
  await edge.api(`POST ${path}/deliveries/${deliveries[0]!.id}/retry`);
  await edge.api(`POST ${path}/test`);
  const bodies = world.calls.map(({ body }) => body).join("\n");
  const stored = jobs + (await everything(edge));
  expect([bodies, bodies, bodies, bodies, stored].map((each, i) => each.includes(shown[i]!))).toEqual(
    shown.map(() => true),
  );
  const nowhere = [code, "480213", token, webhook.secret!, rotated.secret!].map((each) => each.replace("whsec_", ""));
  for (const each of [...nowhere, "of-theirs"])
    expect([each, bodies.includes(each), stored.includes(each)]).toEqual([each, false, false]);
  for (const each of ["kata-kata sendiri", "tulisan", recipient])
    expect([each, stored.includes(each)]).toEqual([each, false]);
});

/** What is in the bodies and, the last, in the rows: the search has something to find. */
const shown = ["verification.approved", "verification.check_failed", "verification.received", "tulisan orang", "dlv_"];
