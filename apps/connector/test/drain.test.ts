import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { type Member, startMember } from "./support/members.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const phones = Array.from({ length: 20 }, (_, i) => `+62813000001${String(i).padStart(2, "0")}`);
const tokens = Array.from({ length: 60 }, (_, i) => `77777777771${String(i + 10)}`);

let rig: Rig;
let member: Member;

beforeEach(async () => {
  rig = await startRig();
  await rig.stop();
  rig.edge.publicUrl = rig.environment["PUBLIC_URL"];
  for (const number of phones) rig.simulator.createPhone({ number, receipts: "read" });
});
afterEach(async () => {
  await member.stop("SIGKILL");
  await rig.close();
});

async function start(): Promise<void> {
  member = await startMember(rig, "member");
  rig.edge.connectorUrl = member.url;
}

test("repeated SIGTERM during sends, receipts and received messages loses nothing and duplicates nothing", async () => {
  await start();
  const sessionId = await rig.pair(own);
  const messages = await Promise.all(
    Array.from({ length: 150 }, async (_, i) => {
      const message = { id: newId("msg"), to: phones[i % phones.length]!, text: `parcel ${i}.` };
      await rig.edge.accept(message.id, message);
      return message;
    }),
  );
  // The answers are slow, so that every drain finds some that are awaited.
  rig.simulator.updatePhone(own, { latencyMs: 60 });
  const deliveries = messages.map(({ id }) =>
    rig.edge.deliverUntilDone("/jobs/send", sendJob(id, sessionId), { times: 2000, pauseMs: 50 }),
  );
  const writing = tokens.map((token, i) =>
    rig.simulator.send(phones[i % phones.length]!, { to: own, text: `SV-${token}` }),
  );
  const exits: (number | null)[] = [];
  for (const shown of [20, 70, 110]) {
    await until(`${shown} are on their phones`, () => rig.simulator.stats().messagesShown >= shown + exits.length);
    exits.push(await member.stop("SIGTERM"));
    await start();
  }
  expect(exits).toEqual([0, 0, 0]);
  expect(await Promise.all(deliveries)).toEqual(messages.map(() => 200));
  await Promise.all(writing);
  const reported = () => rig.edge.events.flatMap((event) => (event.type === "message.received" ? [event.token] : []));
  await until("all are read", () => messages.every(({ id }) => rig.edge.typesOf(id).includes("message.read")));
  await until("all that was written is reported", () => reported().length >= tokens.length);

  for (const { id, to, text } of messages) {
    expect(rig.simulator.messages(to).filter((message) => message.text === text)).toHaveLength(1);
    expect(rig.edge.typesOf(id)).toEqual(["message.sent", "message.delivered", "message.read"]);
  }
  expect(reported()).toHaveLength(tokens.length);
  expect(new Set(reported())).toEqual(new Set(tokens));
  expect(rig.simulator.stats()).toMatchObject({ undecryptable: 0, devicesWithTwoOwners: 0 });
}, 180_000);
