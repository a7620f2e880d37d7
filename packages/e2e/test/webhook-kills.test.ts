import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CreatedWebhook, Event, EventList, Message } from "@sandi/contracts";
import { type Local, randomPorts } from "@sandi/local-stack";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../src/harness.ts";
import { launched, type Launcher, processesOf, processOf, startLauncher } from "../src/launcher.ts";
import { startWebhookReceiver, type WebhookReceiver } from "../src/webhook-receiver.ts";

const ask = async <T>(local: Local, request: string, body?: object): Promise<T> => {
  const [method = "GET", path = ""] = request.split(" ");
  const response = await fetch(local.apiUrl + path, {
    method,
    headers: { authorization: `Bearer ${local.apiKey}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${request}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
};

const send = (local: Local, texts: number) =>
  Promise.all(
    Array.from({ length: texts }, (_, i) =>
      ask<Message>(local, "POST /v1/messages", { to: local.userPhone, type: "text", text: `Hello ${i}` }),
    ),
  );
/** The log of events, oldest first. */
const log = async (local: Local, after: string | null): Promise<Event[]> => {
  const query = after === null ? "" : `&cursor=${after}`;
  const { events, nextCursor, hasMore } = await ask<EventList>(local, `GET /v1/events?limit=100${query}`);
  return hasMore ? [...events, ...(await log(local, nextCursor))] : events;
};

describe("webhooks when processes are killed", () => {
  let folder: string;
  let port: number;
  let receiver: WebhookReceiver;
  let launcher: Launcher;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sandi-kills-"));
    receiver = await startWebhookReceiver();
    ({ edge: port } = await randomPorts());
  });
  afterEach(async () => {
    launcher.process.kill("SIGTERM");
    await launcher.exited;
    await receiver.close();
    await rm(folder, { recursive: true, force: true });
  });

  const arrived = (path: string) => receiver.received.filter((each) => each.path === path);

  const restart = async () => {
    launcher = startLauncher({ folder, port });
    return launched(launcher, join(folder, "simulator"));
  };
  const killWhenUnderWay = async (local: Local, kill: () => Promise<void>) => {
    const known = receiver.received.length;
    await send(local, 12);
    await eventually("deliveries to be under way", async () => receiver.received.length > known + 10);
    await kill();
  };

  const everyOne = async (local: Local) => {
    await killWhenUnderWay(local, async () => {
      for (const pid of await processesOf(launcher)) process.kill(pid, "SIGKILL");
      await launcher.exited;
    });
    return restart();
  };
  const alone = (name: string) => async (local: Local) => {
    await killWhenUnderWay(local, async () => void process.kill(await processOf(launcher, name), "SIGKILL"));
    return local;
  };
  /** Nothing starts workerd again but a start of the launcher. */
  const workerd = async (local: Local) => {
    await alone("workerd")(local);
    launcher.process.kill("SIGTERM");
    await launcher.exited;
    return restart();
  };

  it.each([
    ["every process", everyOne],
    ["workerd alone", workerd],
    ["the connector alone", alone("apps/connector/")],
    ["WhatsApp alone", alone("whatsapp-simulator/")],
  ])(
    "%s: lose no event, keep the order, and repeat an event only under its own id",
    async (_, kill) => {
      let local = await restart();
      const before = new Set((await log(local, null)).map(({ id }) => id));
      for (const [path, isOrdered] of [
        ["/ordered", true],
        ["/any", false],
      ] as const) {
        const input = { url: receiver.url + path, events: ["*"], isOrdered };
        await ask<CreatedWebhook>(local, "POST /v1/webhooks", input);
      }
      for (let times = 1; times <= 2; times++) local = await kill(local);
      await send(local, 4);
      const events = await eventually(
        "every event of the log at both endpoints",
        async () => {
          const logged = (await log(local, null)).filter(({ id }) => !before.has(id));
          const isThere = (path: string) => {
            const ids = new Set(arrived(path).map(({ event }) => event.id));
            return logged.every(({ id }) => ids.has(id));
          };
          return isThere("/ordered") && isThere("/any") && logged;
        },
        180_000,
      );
      expect(events.filter(({ type }) => type === "message.queued").length).toBeGreaterThanOrEqual(28);
      const logged = new Map(events.map((event) => [event.id, event]));
      for (const path of ["/ordered", "/any"]) {
        const wrong = arrived(path).filter(({ headers, event }) => headers["webhook-id"] !== event.id);
        expect(wrong).toEqual([]);
        const strangers = arrived(path).filter(({ event }) => !logged.has(event.id) && !before.has(event.id));
        expect(strangers).toEqual([]);
      }
      const firsts = new Map(
        arrived("/ordered")
          .toReversed()
          .map(({ event }) => [event.id, event]),
      );
      const bySession = Map.groupBy([...firsts.values()].toReversed(), ({ sessionId }) => sessionId);
      for (const [, ofSession] of bySession) {
        const sequences = ofSession.map(({ sequence }) => sequence);
        expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
      }
      expect([...bySession.values()].flat().length).toBeGreaterThanOrEqual(events.length);
    },
    400_000,
  );
});
