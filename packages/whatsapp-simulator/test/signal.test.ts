import { Curve, type KeyPair } from "@whiskeysockets/baileys";
import { describe, expect, it } from "vitest";
import { PreKeyPool } from "../src/signal/pre-keys.ts";
import { type KeyBundle, makeSignedPreKey } from "../src/signal/keys.ts";
import { SignalSessions } from "../src/signal/sessions.ts";

function party(name: string) {
  const identity = Curve.generateKeyPair();
  const signedPreKey = makeSignedPreKey(identity, 1);
  const preKeys = new Map<number, KeyPair>([[7, Curve.generateKeyPair()]]);
  const who = {
    identity,
    registrationId: 5,
    signedPreKey,
    loadPreKey: (id: number) => preKeys.get(id),
    removePreKey: (id: number) => preKeys.delete(id),
  };
  const bundle: KeyBundle = {
    registrationId: 5,
    identity: Buffer.from(identity.public),
    signedPreKey: { id: 1, key: Buffer.from(signedPreKey.pair.public), signature: signedPreKey.signature },
    preKey: { id: 7, key: Buffer.from(preKeys.get(7)?.public ?? []) },
  };
  return { who, bundle, sessions: new SignalSessions(name, who) };
}

async function conversation() {
  const [alice, bob] = [party("100"), party("200")];
  await alice.sessions.open("200.0", bob.bundle);
  const first = await alice.sessions.encrypt("200.0", Buffer.from("hello"));
  expect(Buffer.from(await bob.sessions.decrypt("100.0", first)).toString()).toBe("hello");
  return { alice, bob };
}

describe("Signal sessions of phones", () => {
  it("decrypts 0, 2, 1, 3", async () => {
    const { alice, bob } = await conversation();
    const sealed = [];
    for (const text of ["0", "1", "2", "3"]) sealed.push(await alice.sessions.encrypt("200.0", Buffer.from(text)));
    const opened: string[] = [];
    for (const index of [0, 2, 1, 3]) {
      const each = sealed[index];
      if (each) opened.push(Buffer.from(await bob.sessions.decrypt("100.0", each)).toString());
    }
    expect(opened).toEqual(["0", "2", "1", "3"]);
  });

  it("is as it was after a message that it cannot decrypt", async () => {
    const { alice, bob } = await conversation();
    const reply = await bob.sessions.encrypt("100.0", Buffer.from("reply"));
    const broken = { ...reply, ciphertext: Buffer.from(reply.ciphertext) };
    broken.ciphertext.writeUInt8(~reply.ciphertext.at(-1)! & 0xff, reply.ciphertext.length - 1);
    const before = JSON.stringify(alice.sessions.toState());
    await expect(alice.sessions.decrypt("200.0", broken)).rejects.toThrow();
    expect(JSON.stringify(alice.sessions.toState())).toBe(before);
    expect(Buffer.from(await alice.sessions.decrypt("200.0", reply)).toString()).toBe("reply");
  });

  it("continues from what was stored", async () => {
    const { alice, bob } = await conversation();
    const stored = JSON.parse(JSON.stringify(bob.sessions.toState()));
    const restored = new SignalSessions("200", bob.who, stored);
    const next = await alice.sessions.encrypt("200.0", Buffer.from("after"));
    expect(Buffer.from(await restored.decrypt("100.0", next)).toString()).toBe("after");
  });

  it("keeps few closed sessions, however often a session is opened again", async () => {
    const { alice, bob } = await conversation();
    for (let count = 0; count < 20; count++) {
      await alice.sessions.open("200.0", bob.bundle);
      await alice.sessions.encrypt("200.0", Buffer.from("again"));
    }
    const [record] = Object.values(alice.sessions.toState());
    expect(JSON.stringify(record).length).toBeLessThan(10_000);
  });
});

function key(id: number) {
  return { id: Buffer.from([0, 0, id]), key: Buffer.alloc(32, id) };
}

describe("uploaded pre-keys", () => {
  it("hands each key out once, in order, also after a restart", () => {
    const pool = new PreKeyPool();
    pool.add([key(1), key(2), key(3)]);
    expect(pool.take()).toEqual({ id: 1, key: Buffer.alloc(32, 1) });
    const restored = new PreKeyPool(JSON.parse(JSON.stringify(pool.toState())));
    expect(restored.count).toBe(2);
    expect([restored.take()?.id, restored.take()?.id, restored.take()]).toEqual([2, 3, undefined]);
    restored.add([key(4)]);
    expect(restored.take()?.id).toBe(4);
  });
});
