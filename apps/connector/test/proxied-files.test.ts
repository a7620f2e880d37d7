import { createHash, randomBytes } from "node:crypto";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { createId, sealedFor } from "@sandi/contracts";
import { createSealer, webRandom } from "@sandi/crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { LocalProxy } from "./support/proxies.ts";
import { newId, qrOf, type Rig, sendJob, startRig, workspaceId } from "./support/rig.ts";

const own = "+6281200700051";
const user = "+6281300000002";
const trusted = getCACertificates("default");

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ environment: { ALLOW_PRIVATE_PROXIES: "true" } });
  setDefaultCACertificates([...trusted, rig.simulator.media.certificate]);
  for (const number of [own, user]) rig.simulator.createPhone({ number });
});
afterAll(async () => {
  setDefaultCACertificates(trusted);
  await rig.close();
});

const visits = () => rig.simulator.media.requests;

async function pairThrough({ url }: LocalProxy): Promise<string> {
  const seal = createSealer(rig.edge.keys.sealing.publicJwk, { now: () => new Date(), random: webRandom });
  const sessionId = newId("ses");
  const proxy = await seal({ url }, sealedFor.proxy(sessionId, workspaceId));
  expect(await rig.setDesiredState({ sessionId, proxy })).toBe(200);
  await rig.simulator.scan(own, await until("a QR code is shown", () => qrOf(rig, sessionId)));
  await until("it is online", () => rig.edge.statesOf(sessionId).at(-1) === "online");
  return sessionId;
}

/** Sends a file; answers with the message's id and the status of its job. */
async function send(sessionId: string): Promise<string[]> {
  const bytes = randomBytes(50_000);
  const mediaId = createId("med", new Date(), webRandom(10));
  rig.edge.uploaded.set(mediaId, bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const media = { mediaId, mimeType: "application/pdf", sizeBytes: bytes.length, sha256 };
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to: user, type: "document", media });
  const { status } = await rig.edge.deliver("/jobs/send", sendJob(messageId, sessionId));
  return [messageId, String(status)];
}

const write = () => {
  const data = randomBytes(50_000).toString("base64");
  return rig.simulator.send(user, { to: own, type: "image", mimeType: "image/png", data } as never);
};
const ended = () => rig.edge.events.filter((event) => event.type === "message.media");

test.each(["http", "socks5"] as const)(
  "files of a session with a proxy of %s go both ways through it, and not at all while it refuses",
  async (scheme) => {
    const proxy = await new LocalProxy(scheme).start();
    const sessionId = await pairThrough(proxy);
    const [before, earlier] = [visits().length, ended().length];
    const [messageId = "", status] = await send(sessionId);
    expect([status, rig.edge.failureOf(messageId)]).toEqual(["200", undefined]);
    await write();
    await until("the file is stored", () => ended().length > earlier);
    const ours = visits().slice(before);
    expect(ours.map(({ method }) => method)).toEqual(["POST", "GET"]);
    for (const { remotePort } of ours) expect(proxy.outward).toContain(remotePort);
    expect(proxy.targets).toContain(rig.simulator.media.host);

    proxy.behaviour = "refuse";
    const failures = () => rig.log.filter((line) => line.includes("the file of a message was not fetched")).length;
    const failed = failures();
    const [, refused] = await send(sessionId);
    expect(refused).toBe("503");
    await write();
    await until("the download has failed", () => failures() > failed);
    expect(visits()).toHaveLength(before + 2);
    expect(ended()).toHaveLength(earlier + 1);
    await rig.setDesiredState({ sessionId, desired: "deleted" });
    await proxy.die();
  },
);
