import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createId } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dyingConnector } from "./support/dying-connector.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000002";

/** Kills at every n-th point; 1 in a long run. */
const step = Number(process.env["KILL_STEP"] ?? 4);
/** So many of each there are in a life that logs in, sends a file and receives one. */
const points = { commit: 14, request: 8, file: 2 };

let rig: Rig;
const { start, kill, pair } = dyingConnector(() => rig);
beforeEach(async () => {
  rig = await startRig();
  await rig.stop();
  const trusted = join(rig.folder, "trusted.pem");
  await writeFile(trusted, rig.simulator.media.certificate);
  rig.environment["NODE_EXTRA_CA_CERTS"] = trusted;
  rig.environment["MEDIA_FOLDER"] = join(rig.folder, "media");
  for (const number of [own, user]) rig.simulator.createPhone({ number });
});
afterEach(async () => {
  await kill();
  await rig.close();
});

function* lives(): Generator<string> {
  for (const [kind, count] of Object.entries(points)) {
    const all = kind === "commit" ? ["before", "after"] : ["before", "during", "after"];
    const every = kind === "file" ? 1 : step;
    for (const [i, when] of all.entries())
      for (let nth = 1 + (i % every); nth <= count; nth += every) yield `${kind}:${when}:${nth}`;
  }
}

const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("killed at every point of a file's way in and out, it keeps each file once", async () => {
  const sessionId = await pair(own);

  const sent: { id: string; sha256: string }[] = [];
  const written: string[] = [];
  const work: Promise<unknown>[] = [];
  async function give(): Promise<void> {
    const [incoming, outgoing] = [randomBytes(150_000), randomBytes(150_000)];
    written.push(sha256Of(incoming));
    const file = { type: "image", mimeType: "image/png", data: incoming.toString("base64") };
    await rig.simulator.send(user, { to: own, ...file } as never);
    const mediaId = createId("med", new Date(), webRandom(10));
    rig.edge.uploaded.set(mediaId, outgoing);
    const [id, sha256] = [newId("msg"), sha256Of(outgoing)];
    sent.push({ id, sha256 });
    const media = { mediaId, mimeType: "application/pdf", sizeBytes: outgoing.length, sha256 };
    await rig.edge.accept(id, { to: user, type: "document", media }, 3_600_000);
    const job = sendJob(id, sessionId, 3_600_000);
    work.push(rig.edge.deliverUntilDone("/jobs/send", job, { times: 2000, pauseMs: 50 }));
  }

  const ended = () => rig.edge.events.filter((event) => event.type === "message.media");
  const isDone = () =>
    sent.every(({ id }) => rig.edge.typesOf(id).includes("message.sent")) && ended().length >= written.length;
  const all = [...lives()];
  let survived = 0;
  for (const life of all) {
    await give();
    let isDead = false;
    void start(life).then(() => (isDead = true));
    await until("it is dead, or all is done", () => isDead || isDone(), 120_000);
    if (isDead) continue;
    survived++;
    await kill();
  }
  // The last points of each kind may lie beyond what a life has to do.
  expect(survived).toBeLessThan(all.length / 3);
  void start("");
  await Promise.all(work);
  await until("all is reported", isDone, 120_000);
  await kill();

  const stored = [...rig.edge.files.values()].map(({ bytes }) => sha256Of(bytes));
  expect(stored.toSorted()).toEqual(written.toSorted());
  const ends = ended().map(({ mediaState, mediaId }) => `${mediaState} ${mediaId}`);
  expect(ends.toSorted()).toEqual([...rig.edge.files.values()].map(({ mediaId }) => `stored ${mediaId}`).toSorted());
  const shown = () => {
    const messages = rig.simulator.messages(user) as { direction: string; media?: { sha256: string } }[];
    return messages.flatMap(({ direction, media }) => (direction === "in" && media ? [media.sha256] : []));
  };
  await until("the phone has all files", () => shown().length >= sent.length);
  expect(shown().toSorted()).toEqual(sent.map(({ sha256 }) => sha256).toSorted());
}, 600_000);
