import { afterEach, beforeEach, expect, test } from "vitest";
import { dyingConnector } from "./support/dying-connector.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, revokeJob, sendJob, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const reader = "+6281300000001";
const receiver = "+6281300000002";

/** Kills at every n-th point; 1 in a long run. */
const step = Number(process.env["KILL_STEP"] ?? 4);
/** So many of each there are in a life that starts, logs in, sends, hears of it, is written to, and takes one back. */
const points = { commit: 20, request: 12, frame: 28 };

let rig: Rig;
const { start, kill, pair } = dyingConnector(() => rig);

beforeEach(async () => {
  rig = await startRig();
  await rig.stop();
  rig.simulator.createPhone({ number: own });
  rig.simulator.createPhone({ number: reader, receipts: "read" });
  rig.simulator.createPhone({ number: receiver, receipts: "delivered" });
});
afterEach(async () => {
  await kill();
  await rig.close();
});

function* lives(): Generator<string> {
  for (const [kind, count] of Object.entries(points)) {
    for (const when of ["before", "after"]) {
      for (let nth = 1 + (kind.length % step); nth <= count; nth += step) yield `${kind}:${when}:${nth}`;
    }
  }
}

/** Resolves when the process has died, or has nothing left to do that could kill it; answers whether it died. */
async function untilDeadOrIdle(exited: Promise<void>, isIdle: () => boolean): Promise<boolean> {
  let isDead = false;
  void exited.then(() => (isDead = true));
  await until("it is dead, or all is done", () => isDead || isIdle(), 120_000);
  if (isDead) return true;
  // What follows the last of its work: receipts, acknowledgements, the outbox.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await kill();
  return false;
}

test("killed at every point of sending, hearing and taking back, it loses nothing and shows nothing twice", async () => {
  const sessionId = await pair(own);

  const sent: { id: string; text: string; to: string; isTakenBack: boolean }[] = [];
  const written: string[] = [];
  const work: Promise<unknown>[] = [];
  const reported = () => rig.edge.events.flatMap((event) => (event.type === "message.received" ? [event.token] : []));
  const isRead = (id: string) => rig.edge.typesOf(id).includes("message.read");
  const isTakenBack = (id: string) => rig.edge.typesOf(id).includes("message.revoked");

  async function give(index: number): Promise<void> {
    const takesBack = index % 2 === 1;
    const to = takesBack ? receiver : reader;
    const message = { id: newId("msg"), text: `parcel ${index}.`, to, isTakenBack: takesBack };
    sent.push(message);
    await rig.edge.accept(message.id, { to, text: message.text });
    const job = sendJob(message.id, sessionId);
    const patience = { times: 2000, pauseMs: 50 };
    const deliver = async () => {
      await rig.edge.deliverUntilDone("/jobs/send", job, patience);
      if (takesBack) await rig.edge.deliverUntilDone("/jobs/revoke", revokeJob(message.id, sessionId), patience);
    };
    work.push(deliver());
    const token = `7777777777${String(index).padStart(3, "0")}`;
    written.push(token);
    await rig.simulator.send(reader, { to: own, text: `SV-${token}` });
  }

  const isDone = () =>
    sent.every(({ id, isTakenBack: back }) => (back ? isTakenBack(id) : isRead(id))) &&
    written.every((token) => reported().includes(token));
  const all = [...lives()];
  const survived: string[] = [];
  for (const [index, life] of all.entries()) {
    await give(index);
    if (!(await untilDeadOrIdle(start(life), isDone))) survived.push(life);
  }
  // The last points of each kind may lie beyond what a life has to do.
  expect(survived.length).toBeLessThan(all.length / 4);
  void start("");
  await Promise.all(work);
  await until("all is reported", isDone, 120_000);

  for (const { id, text, to, isTakenBack: back } of sent) {
    const shown = rig.simulator.messages(to).filter((message) => message.direction === "in");
    expect(shown.filter((message) => message.text === text)).toHaveLength(back ? 0 : 1);
    const [first, second, third] = rig.edge.typesOf(id);
    expect([first, second, third]).toEqual([
      "message.sent",
      "message.delivered",
      back ? "message.revoked" : "message.read",
    ]);
  }
  const back = sent.filter((message) => message.isTakenBack);
  const onReceiver = rig.simulator.messages(receiver).filter(({ direction }) => direction === "in");
  expect(onReceiver.map(({ kind }) => kind)).toEqual(back.map(() => "revoked"));
  expect(reported()).toHaveLength(written.length);
  expect(new Set(reported())).toEqual(new Set(written));
  const seqs = rig.edge.events.map(({ seq }) => seq);
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
  expect(rig.simulator.stats()).toMatchObject({ undecryptable: 0, devicesWithTwoOwners: 0 });
}, 600_000);
