import { createId, eventsPath, type Verification } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { failWrites } from "./fail-writes.ts";
import { wrong } from "./harness.ts";
import { text, verify } from "./senders.ts";
import { useWebhooks } from "./use-webhooks.ts";
import type { Webhooks } from "./webhooks-world.ts";

let world: Webhooks;
useWebhooks((started) => (world = started));
beforeEach(async () => {
  await world.subscribe(["*"]);
});

const rows = (query: string) => world.edge.rows(query);
const minute = 60_000;

/** Everything that the endpoint received is in the log of events, and the other way round, each once. */
async function expectEachOnce() {
  await world.cron();
  await world.run(world.edge.services.now().getTime() + minute);
  const got = world.received().map(({ id }) => id);
  const stored = (await rows("SELECT id FROM event WHERE seq > (SELECT min(from_seq) FROM endpoint)")).map(
    ({ id }) => id,
  );
  expect(new Set(got)).toEqual(new Set(stored));
  expect(got.length).toBe(stored.length);
}

/** The events of messages and verifications say what their rows say: nothing that did not happen, nothing twice. */
async function expectTruth() {
  const found = await rows("SELECT message_id, verification_id, type FROM event");
  const typesOf = (column: string, id: unknown) =>
    found.filter((row) => row[column] === id).map((row) => String(row["type"]));
  for (const message of await rows("SELECT * FROM message WHERE direction IS NULL")) {
    const expected = [
      "message.queued",
      ...["sent", "delivered", "read"].flatMap((name) => (message[`${name}_at`] === null ? [] : [`message.${name}`])),
      ...(["failed", "canceled"].includes(String(message["status"])) ? [`message.${String(message["status"])}`] : []),
    ];
    expect(
      typesOf("message_id", message["id"])
        .filter((type) => type.startsWith("message."))
        .toSorted(),
    ).toEqual(expected.toSorted());
  }
  for (const { id, status } of await rows("SELECT id, status FROM verification")) {
    const ends = typesOf("verification_id", id).filter((type) => type.startsWith("verification."));
    const other = new Set(["verification.created", "verification.check_failed", "verification.resent"]);
    expect(ends.filter((type) => !other.has(type))).toEqual(
      status === "pending" ? [] : [`verification.${String(status)}`],
    );
    expect(ends.filter((type) => type === "verification.created")).toHaveLength(1);
  }
}

type Action = [name: string, prepare: () => Promise<() => Promise<unknown>>];
const prepared = async <T>(first: Promise<T>, then: (made: T) => Promise<unknown>) => {
  const made = await first;
  await world.edge.settled();
  return () => then(made);
};
const made = async () => {
  const { body } = await verify(world.edge);
  return { id: body.id, code: await world.edge.codeOf(body.id) };
};
const sending = async () => {
  const { body } = await text(world.edge);
  await world.connector.claim(body.id, world.session);
  return body;
};
const post = (id: string, what: string, body?: object) => world.edge.api(`POST /v1/verifications/${id}/${what}`, body);
const report =
  (type: string, more: object = {}) =>
  async () =>
    prepared(sending(), ({ id }) =>
      world.connector.report(world.session, type, { messageId: id, ...more }).catch(() => {}),
    );

const actions: Action[] = [
  ["a text", async () => () => text(world.edge)],
  ["a verification", async () => () => verify(world.edge)],
  ["a right check", () => prepared(made(), ({ id, code }) => post(id, "check", { code }))],
  ["a wrong check", () => prepared(made(), ({ id, code }) => post(id, "check", { code: wrong(code) }))],
  ["a cancellation", () => prepared(made(), ({ id }) => post(id, "cancel"))],
  ["an approval", () => prepared(made(), ({ id }) => post(id, "approve", { reason: "seen" }))],
  [
    "a canceled message",
    () => prepared(text(world.edge), ({ body }) => world.edge.api(`POST /v1/messages/${body.id}/cancel`)),
  ],
  ["an acknowledgement", report("message.sent")],
  ["a receipt", report("message.delivered")],
  ["a read receipt", report("message.read")],
  ["a failure", report("message.failed", { reason: "refused" })],
  ["a failure that switches the number", report("message.failed", { reason: "new_chats_locked" })],
  ["a state", async () => () => world.connector.state(world.session, "waiting").catch(() => {})],
  [
    "what has expired",
    async () => {
      await made();
      await text(world.edge);
      await world.edge.settled();
      world.edge.advance(25 * 60 * minute);
      return () => world.cron().catch(() => {});
    },
  ],
];

describe("a transaction that fails", () => {
  it.each(actions)("of %s reports nothing, and its repetition reports each fact once", async (_, prepare) => {
    const act = await prepare();
    for (let failing = 1; ; failing++) {
      const before = await rows("SELECT seq FROM event");
      const restore = failWrites(world.edge, (count) => count === failing);
      await act();
      await world.edge.settled();
      const writes = restore();
      await expectTruth();
      if (writes >= failing) continue;
      expect(before.length).toBeGreaterThan(0);
      break;
    }
    await expectEachOnce();
  });

  it("at every write of a whole exchange leaves the endpoint with the truth", async () => {
    const restore = failWrites(world.edge, (count) => count % 3 === 0);
    for (const [, prepare] of actions.slice(0, -1)) {
      await prepare()
        .then((act) => act())
        .catch(() => {});
      await world.edge.settled();
    }
    expect(restore()).toBeGreaterThan(10);
    await expectTruth();
    await expectEachOnce();
  });
});

const event = (messageId: string, type: string) => {
  const at = world.edge.services.now();
  return {
    id: createId("evt", at, webRandom(10)),
    seq: 1,
    sessionId: world.session,
    at: at.toISOString(),
    type,
    messageId,
  };
};
const apply = (...events: object[]) => world.edge.internal(eventsPath, { connectorId: "a", events });

describe("a fact", () => {
  it("is reported once when two batches of one session arrive at once", async () => {
    const [first, second] = [await sending(), await sending()];
    const facts = [first, second].map(({ id }) => ["message.sent", "message.delivered"].map((type) => event(id, type)));
    const answers = await Promise.all([...facts, ...facts].map((batch) => apply(...batch)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await world.edge.settled();
    await expectTruth();
    await expectEachOnce();
  });

  it("is reported once when the batch was applied and the connector sends half of it again", async () => {
    const { id } = await sending();
    const facts = ["message.sent", "message.delivered", "message.read"].map((type) => event(id, type));
    for (const batch of [facts.slice(0, 2), facts.slice(1), facts]) expect((await apply(...batch)).status).toBe(200);
    await world.edge.settled();
    await expectTruth();
    await expectEachOnce();
  });

  it("of a received message is reported once, however often its event comes", async () => {
    const { body } = await verify(world.edge);
    await world.edge.api<Verification>(`POST /v1/verifications/${body.id}/cancel`);
    const received = {
      ...event("", "message.received"),
      from: "+6281234567890",
      token: null,
      isForwarded: false,
      message: {
        messageId: createId("msg", world.edge.services.now(), webRandom(10)),
        chatId: createId("cht", world.edge.services.now(), webRandom(10)),
        chatKind: "person",
        personId: createId("per", world.edge.services.now(), webRandom(10)),
        origin: null,
        to: null,
        type: "text",
        isViewOnce: false,
        isOffline: false,
      },
    };
    const { messageId: _none, ...whole } = received;
    for (let i = 0; i < 3; i++) expect((await apply(whole, whole)).status).toBe(200);
    await world.edge.settled();
    const [{ n } = {}] = await rows("SELECT count(*) AS n FROM event WHERE type = 'message.received'");
    expect(n).toBe(1);
    await expectEachOnce();
  });
});
