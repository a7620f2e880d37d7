import { createSealer, createUnsealer, webRandom } from "@sandi/crypto";
import { sealedFor } from "@sandi/contracts";
import { CompactEncrypt, compactDecrypt, importJWK } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeUnsealer } from "@sandi/crypto/node";
import { purposeNeededFrom } from "../src/jobs/purpose.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig, workspaceId } from "./support/rig.ts";

let rig: Rig;
let sessionId: string;
let clockMs = 0;
const now = () => new Date(Date.now() + clockMs);

beforeAll(async () => {
  rig = await startRig({ services: { chance: () => 0, now } });
  sessionId = await rig.pair("+6281200000001");
});
afterAll(() => rig.close());

let numbers = 0;
function phone(): string {
  const number = `+6281300001${String(++numbers).padStart(3, "0")}`;
  rig.simulator.createPhone({ number });
  return number;
}
const deliver = (messageId: string) =>
  rig.edge.deliverUntilDone("/jobs/send", sendJob(messageId, sessionId, 300_000, now()));
const received = (number: string) => rig.simulator.messages(number).length;

type Stored = Awaited<ReturnType<Rig["edge"]["accept"]>>;

/** A sealed value of another row, as somebody with write access to the edge's database could put it into a message. */
const moves: Record<string, (victim: string) => Promise<Partial<Stored> & { workspaceId?: string }>> = {
  "the text of another message": (to) => rig.edge.accept(newId("msg"), { to, text: "for somebody else" }),
  "the code of another verification": async (to) => {
    const { sealed, template } = await rig.edge.accept(newId("msg"), { to, code: "650911" });
    return { sealed, template };
  },
  "another verification, of another workspace": (to) =>
    rig.edge.accept(newId("msg"), { to, code: "650912" }, undefined, { workspaceId: newId("ws") }),
  "a code in place of a text": async (to) => {
    const stored = await rig.edge.accept(newId("msg"), { to, code: "650913" });
    return { ...stored, verificationId: null };
  },
  "a text with the id of a verification": async (to) => {
    const { sealed } = await rig.edge.accept(newId("msg"), { to, text: "for somebody else" });
    return { sealed };
  },
};

test.each(Object.keys(moves))("%s is not sent under a message's name", async (name) => {
  const [own, victim] = [phone(), phone()];
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to: own, code: "111222" }, undefined, await moves[name]?.(victim));
  expect(await deliver(messageId)).toBe(200);
  expect(await failed(messageId)).toBe("unreadable");
  expect([received(own), received(victim)]).toEqual([0, 0]);
  expect(rig.log.some((line) => line.includes(messageId) && line.includes("for something else"))).toBe(true);
});

async function failed(messageId: string): Promise<string | undefined> {
  return until("the failure is reported", () => rig.edge.failureOf(messageId));
}

test("a message that is moved to a session of another workspace is not sent", async () => {
  const to = phone();
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to, text: "ours" }, undefined, { workspaceId: newId("ws") });
  await deliver(messageId);
  expect(await failed(messageId)).toBe("unreadable");
  expect(received(to)).toBe(0);
});

/** As edges before 2026-12 sealed. */
async function sealedBefore(payload: object): Promise<string> {
  const jwk = JSON.parse(rig.edge.keys.sealing.publicJwk) as { kid: string };
  return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: "ECDH-ES", enc: "A256GCM", kid: jwk.kid })
    .encrypt(await importJWK(jwk, "ECDH-ES"));
}

test("a payload of an earlier edge, which names no purpose, is sent until June 2027", async () => {
  const [first, second] = [phone(), phone()];
  const messageIds = [newId("msg"), newId("msg")];
  await rig.edge.accept(messageIds[0]!, { to: first, text: "" }, undefined, {
    sealed: await sealedBefore({ to: first, text: "from before" }),
  });
  await deliver(messageIds[0]!);
  expect(received(first)).toBe(1);

  clockMs = purposeNeededFrom.getTime() - Date.now();
  await rig.edge.accept(messageIds[1]!, { to: second, text: "" }, undefined, {
    sealed: await sealedBefore({ to: second, text: "from long before" }),
  });
  await deliver(messageIds[1]!);
  expect(await failed(messageIds[1]!)).toBe("unreadable");
  expect(received(second)).toBe(0);
  clockMs = 0;
});

test("a code of an earlier edge, which does not name the verification, is sent", async () => {
  const to = phone();
  const messageId = newId("msg");
  const { verificationId, ...stored } = await rig.edge.accept(messageId, { to, code: "650914" });
  expect(verificationId).toMatch(/^ver_/);
  await rig.edge.accept(messageId, { to, code: "650914" }, undefined, { ...stored, verificationId: undefined! });
  await deliver(messageId);
  expect(received(to)).toBe(1);
});

test("a connector of an earlier release opens what this release's edge seals, and nobody can remove the purpose", async () => {
  const { publicJwk, privateJwk } = rig.edge.keys.sealing;
  const payload = { to: "+6281300001999", text: "hello" };
  const seal = createSealer(publicJwk, { now: () => new Date(), random: webRandom });
  const sealed = await seal(payload, sealedFor.message("msg_1", workspaceId));
  // The earlier release's way to open.
  const { plaintext } = await compactDecrypt(
    sealed,
    await importJWK(JSON.parse(privateJwk) as Parameters<typeof importJWK>[0], "ECDH-ES"),
    { keyManagementAlgorithms: ["ECDH-ES"], contentEncryptionAlgorithms: ["A256GCM"] },
  );
  expect(JSON.parse(new TextDecoder().decode(plaintext))).toEqual(payload);

  const [header = "", ...rest] = sealed.split(".");
  const fields = JSON.parse(Buffer.from(header, "base64url").toString()) as Record<string, unknown>;
  for (const changed of [
    { ...fields, for: undefined },
    { ...fields, for: sealedFor.message("msg_2", workspaceId) },
  ]) {
    const forged = [Buffer.from(JSON.stringify(changed)).toString("base64url"), ...rest].join(".");
    await expect(createNodeUnsealer(privateJwk)(forged)).rejects.toThrow();
    await expect(createUnsealer(privateJwk)(forged)).rejects.toThrow();
  }
});
