import { createId } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { sealTarget } from "../src/outbound/target.ts";
import type { Job } from "../src/services.ts";
import { startAlerts } from "./alerts-world.ts";
import { connectorOf, text } from "./senders.ts";

export const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
export const hookUrl = "https://app.example.com/hook";

/** What an endpoint of a test is, where it is not usual. */
export interface Subscription {
  workspaceId?: string;
  createdBy?: string;
  url?: string;
  sessionIds?: string[];
  chatKinds?: string[];
  isOrdered?: boolean;
  isTest?: boolean;
}

/** When QStash makes the call; 0: at once. */
const timeOf = (job: Job) => ("notBefore" in job ? job.notBefore : 0);

/** An edge with a session, whose endpoints get events when QStash calls. */
export async function startWebhooks() {
  const world = await startAlerts();
  const { edge } = world;
  const session = await edge.addSession();
  const connector = connectorOf(edge);
  edge.advance(1);

  /** Stores an endpoint with the position of its workspace. */
  async function subscribe(events: readonly string[], more: Subscription = {}): Promise<string> {
    const { services, client } = edge;
    const at = services.now();
    const {
      workspaceId = edge.workspace.id,
      url = hookUrl,
      createdBy = null,
      isOrdered = false,
      isTest = false,
    } = more;
    const id = createId("whe", at, webRandom(10));
    const target = await sealTarget(services, { workspaceId, id }, { kind: "webhook", url, secret });
    const settings = { events, sessionIds: more.sessionIds ?? null, chatKinds: more.chatKinds ?? null };
    await client.batch([
      {
        sql: `INSERT INTO endpoint (id, workspace_id, topic, kind, name, target, label, settings, created_by, created_at,
            updated_at, test, is_ordered, from_seq)
          VALUES (?, ?, 'event', 'webhook', 'App', ?, '', ?, ?, ?, 0, ?, ?, coalesce((SELECT max(seq) FROM event), 0))`,
        args: [
          id,
          workspaceId,
          target,
          JSON.stringify(settings),
          createdBy,
          at.getTime(),
          Number(isTest),
          Number(isOrdered),
        ],
      },
      {
        sql: `INSERT INTO webhook_position (workspace_id, seq) SELECT ?, coalesce((SELECT max(seq) FROM event), 0)
          WHERE true ON CONFLICT DO NOTHING`,
        args: [workspaceId],
      },
    ]);
    services.keyCache.clear();
    return id;
  }

  return {
    ...world,
    session,
    connector,
    subscribe,
    /** Brings a message as far as the connector's report that it failed. */
    async failedMessage(reason = "refused") {
      const { body } = await text(edge);
      await connector.claim(body.id, session);
      await connector.failed(body.id, session, reason);
      await edge.settled();
      return body.id;
    },
    /** What endpoints received since the last call. */
    received: () =>
      world.calls.splice(0).map(({ url, headers, body }) => ({
        url,
        id: headers["webhook-id"],
        event: JSON.parse(body) as {
          id: string;
          type: string;
          messageId: string | null;
          sequence: number;
          isTest: boolean;
        },
      })),
    /** Calls the edge as QStash does, each job at its time, until nothing is left or `until` has come. */
    async run(until: number) {
      const { jobs, services } = edge;
      for (;;) {
        const due = jobs.filter(({ kind }) => kind === "delivery").toSorted((a, b) => timeOf(a) - timeOf(b))[0];
        if (!due || due.kind !== "delivery" || timeOf(due) > until) break;
        jobs.splice(jobs.indexOf(due), 1);
        edge.advance(Math.max(0, Math.ceil(timeOf(due) / 1000) * 1000 - services.now().getTime()));
        const { status } = await world.knock(due.body.deliveryId);
        if (status !== 200) throw new Error(`the edge answered ${status}`);
        await edge.settled();
      }
      edge.advance(Math.max(0, until - services.now().getTime()));
    },
  };
}

export type Webhooks = Awaited<ReturnType<typeof startWebhooks>>;
