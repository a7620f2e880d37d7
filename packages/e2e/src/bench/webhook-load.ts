import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createId, type CreatedWebhook, eventsPath } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { startQstash } from "@sandi/local-stack";
import { startTestEdge } from "../edge.ts";
import { type Answering, startWebhookReceiver } from "../webhook-receiver.ts";

/** An edge with a QStash that delivers, and a receiver with a path for each webhook. */
export interface WebhookLoad {
  /** Reports received messages in batches, one after the other. Answers the milliseconds of each delivery. */
  report(load: { events: number; perBatch: number; from: (path: string) => boolean }): Promise<number[]>;
  /** Paths that answer otherwise from now on. */
  answers: Record<string, Answering>;
  stop(): Promise<void>;
}

const token = "local";
const of = (prefix: "evt" | "msg" | "cht" | "per") => createId(prefix, new Date(), webRandom(10));

/** Starts it with so many webhooks that get every event. */
export async function startWebhookLoad(endpoints: number): Promise<WebhookLoad> {
  const folder = await mkdtemp(join(tmpdir(), "sandi-webhooks-"));
  const answers: Record<string, Answering> = {};
  const receiver = await startWebhookReceiver(answers);
  const keys = { currentSigningKey: token, nextSigningKey: token };
  const qstash = await startQstash({ file: join(folder, "qstash.db"), token, ...keys });
  const edge = await startTestEdge({ bindings: { QSTASH_URL: qstash.url, ALLOW_LOCAL_TARGETS: "1" } });
  await edge.sql("UPDATE workspace SET quota = json_set(quota, '$.changesPerDay', 100000)");
  for (let i = 0; i < endpoints; i++) {
    const input = { url: `${receiver.url}/${i}`, events: ["*"] };
    const { status, body } = await edge.api<CreatedWebhook>("POST /v1/webhooks", input);
    if (status !== 201) throw new Error(`POST /v1/webhooks: ${status} ${JSON.stringify(body)}`);
  }
  const chat = { chatId: of("cht"), chatKind: "person", personId: of("per"), origin: null, to: null };
  let seq = 0;
  const received = () => ({
    id: of("evt"),
    seq: ++seq,
    type: "message.received",
    sessionId: edge.sessionId,
    at: new Date().toISOString(),
    from: "+6281355500009",
    token: null,
    isForwarded: false,
    message: { messageId: of("msg"), ...chat, type: "text", isViewOnce: false, isOffline: false },
  });

  return {
    answers,
    async report({ events, perBatch, from }) {
      const reportedAt = new Map<string, number>();
      const paths = Array.from({ length: endpoints }, (_, i) => `/${i}`).filter(from).length;
      const known = receiver.received.length;
      const arrived = () =>
        receiver.received.slice(known).filter(({ path, event }) => from(path) && reportedAt.has(event.id));
      for (let sent = 0; sent < events; sent += perBatch) {
        const batch = Array.from({ length: Math.min(perBatch, events - sent) }, received);
        const at = performance.now();
        for (const { id } of batch) reportedAt.set(id, at);
        const { status, body } = await edge.asConnector(eventsPath, { connectorId: "bench", events: batch });
        if (status !== 200) throw new Error(`${eventsPath}: ${status} ${JSON.stringify(body)}`);
      }
      for (const deadline = performance.now() + withinMs; arrived().length < events * paths;) {
        if (performance.now() > deadline)
          throw new Error(`${arrived().length} of ${events * paths} deliveries arrived`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return arrived().map(({ event, at }) => at - (reportedAt.get(event.id) ?? 0));
    },
    async stop() {
      await edge.stop();
      await qstash.close();
      await receiver.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const withinMs = 600_000;
