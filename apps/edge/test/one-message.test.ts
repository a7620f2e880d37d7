import * as fc from "fast-check";
import type { Message } from "@sandi/contracts";
import { beforeEach, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { connectorOf, seeMessage, text } from "./senders.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let connector: ReturnType<typeof connectorOf>;
let sessions: string[];
beforeEach(async () => {
  connector = connectorOf(edge);
  await edge.api("PATCH /v1/workspace", {
    policy: { messagesPerRecipientPerHour: 10_000, messagesPerRecipientPerDay: 10_000 },
  });
  sessions = [await edge.addSession(), await edge.addSession(), await edge.addSession()];
});

const who = fc.nat({ max: 2 });
const step = fc.oneof(
  // A job, old or new, reaches a sender: it claims, and only then writes to its socket.
  { weight: 4, arbitrary: fc.record({ do: fc.constant("job"), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("refused", "acknowledged", "restarted"), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("offline", "online", "paused"), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("cron", "later", "repeated", "retry"), who }) },
);

/** What a sender knows: whether it is at the message, and the fence of its owner. */
interface Sender {
  holds: boolean;
  fence: number;
  /** It has reported that it did not and will not send it. */
  gaveUp: boolean;
}

it("one message is taken by WhatsApp once, however claims, refusals, moves, retries, late acks and old jobs interleave", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), async (steps) => {
      for (const id of sessions) {
        await connector.state(id, "online");
        await connector.limits(id, {});
      }
      const { body } = await text(edge);
      const senders = sessions.map((): Sender => ({ holds: false, fence: 1, gaveUp: false }));
      const taken: string[] = [];
      let atOnce = 0;
      for (const { do: what, who: index } of steps) {
        const [session, sender] = [sessions[index]!, senders[index]!];
        if (what === "job" && !sender.gaveUp && !taken.includes(session)) {
          if ((await connector.claim(body.id, session, { fence: sender.fence, connectorId: session })) === "claimed") {
            sender.holds = true;
            atOnce = Math.max(atOnce, senders.filter(({ holds }) => holds).length);
          }
        } else if (what === "refused" && sender.holds && !taken.includes(session)) {
          Object.assign(sender, { holds: false, gaveUp: true });
          await connector.failed(body.id, session);
        } else if (what === "acknowledged" && sender.holds && !taken.includes(session)) {
          taken.push(session);
          sender.holds = false;
          await connector.sent(body.id, session);
        } else if (what === "restarted") sender.fence++;
        else if (what === "offline") await connector.state(session, "waiting");
        else if (what === "online") await connector.state(session, "online");
        else if (what === "paused") {
          const pausedUntil = new Date(edge.services.now().getTime() + 60_000).toISOString();
          await connector.limits(session, { pausedUntil });
        } else if (what === "cron") await runCron(edge.services);
        else if (what === "later") edge.advance(31_000);
        else if (what === "retry") {
          const { status } = await edge.api(`POST /v1/messages/${body.id}/retry`);
          if (status === 202) for (const each of senders) each.gaveUp = false;
        } else if (what === "repeated" && sender.gaveUp) await connector.failed(body.id, session);
      }
      const now = await seeMessage(edge, body);
      expect([taken.length <= 1, atOnce <= 1]).toEqual([true, true]);
      expect(whatIsWrong(now, taken)).toBe("");

      function whatIsWrong({ status, sessionId }: Message, [by]: string[]): string {
        if (by !== undefined) return status === "sent" && sessionId === by ? "" : "was sent, and is not known to be";
        if (status === "failed") return senders.every(({ gaveUp }) => gaveUp) ? "" : "failed while somebody was left";
        return senders[sessions.indexOf(sessionId!)]?.gaveUp === false ? "" : "waits for one that gave it up";
      }
      const [{ n }] = (await edge.rows("SELECT count(*) AS n FROM message WHERE status IN ('queued', 'sending')")) as [
        { n: number },
      ];
      const [{ waiting }] = (await edge.rows("SELECT sum(waiting) AS waiting FROM session")) as [{ waiting: number }];
      expect(waiting).toBe(n);
    }),
    { numRuns: 60 },
  );
}, 120_000);
