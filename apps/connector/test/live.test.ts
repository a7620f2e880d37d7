import { expect, onTestFinished, test } from "vitest";
import { adoptSession } from "../src/session/live.ts";
import type { StoreClient } from "../src/store/file-client.ts";
import { limitsStatement } from "../src/store/account-limits.ts";
import { storeOn } from "../src/store/store.ts";
import { adopt } from "./support/adopted.ts";
import { until } from "./support/fake-edge.ts";
import { memoryCredentials } from "./support/memory-credentials.ts";

const pausedUntil = new Date(Date.now() + 3_600_000);
const paused = { lockedUntil: null, newChats: null, pausedUntil, trips: 1 };

test("when two desired states arrive in the wrong order, the older one does not bring its proxy back", async () => {
  const adopted = await adopt();
  onTestFinished(() => adopted.close());
  const { row, live, through, sealedProxy } = adopted;
  await until("it connects", () => through.length === 1);
  live.desiredStateChanged({ ...row, revision: 3, sealedProxy: sealedProxy("http://newer.example") });
  live.desiredStateChanged({ ...row, revision: 2, sealedProxy: null });
  await until("it connects again", () => through.length === 2);
  expect(through).toEqual([null, "http://newer.example"]);
  // And so with each connection after it.
  live.session.post({ type: "closed", socket: live.session.machine.socket!, kind: "restart_required" });
  await until("it connects again", () => through.length === 3);
  expect(through.at(-1)).toBe("http://newer.example");
});

test("a second stop waits for the first one", async () => {
  const closing = Promise.withResolvers<void>();
  const adopted = await adopt((_, options) => {
    const { openSocket } = options;
    options.openSocket = (given) => ({ ...openSocket(given), close: () => closing.promise });
  });
  onTestFinished(() => adopted.close());
  await until("it connects", () => adopted.sockets.length === 1);
  const stopped: string[] = [];
  void adopted.live.stop().then(() => stopped.push("first"));
  const second = adopted.live.stop().then(() => stopped.push("second"));
  await new Promise((resolve) => setImmediate(resolve));
  expect(stopped).toEqual([]);
  closing.resolve();
  await second;
  expect(stopped).toEqual(["first", "second"]);
});

test("a session whose proxy cannot be opened leaves nothing in motion", async () => {
  const adopted = await adopt();
  const { live, row, options, store } = adopted;
  await live.stop();
  await store.writer.write([limitsStatement(live.fence, paused)]);
  expect(() => adoptSession({ ...row, sealedProxy: "v1.gone.a.b" }, options)).toThrow("gone");
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await options.metrics.breakersOpen.get()).values[0]!.value).toBe(0);
  await store.close();
});

test("a paused account is not treated as free while its limits cannot be read", async () => {
  let failures = 2;
  const adopted = await adopt(async (row, options) => {
    const { client, writer } = options.store;
    await writer.write([limitsStatement({ sessionId: row.id, fence: row.fence }, paused)]);
    const execute: StoreClient["execute"] = async (query: Parameters<StoreClient["execute"]>[0]) => {
      if (JSON.stringify(query).includes("FROM sender_limits") && failures-- > 0) throw new Error("away");
      return client.execute(query);
    };
    options.store = storeOn({ ...client, execute });
    const { after } = options.services;
    options.services.after = (ms, run) => after(ms === 5000 ? 1 : ms, run);
  });
  onTestFinished(() => adopted.close());
  const { limits } = adopted.live.sending;
  await limits.ready;
  expect(limits.current().pausedUntil).toEqual(pausedUntil);
  expect((await adopted.options.metrics.breakersOpen.get()).values[0]!.value).toBe(1);
});

test("limits that are read when the session has stopped already count no more", async () => {
  const reading = Promise.withResolvers<void>();
  const adopted = await adopt(async (row, options) => {
    const { client, writer } = options.store;
    await writer.write([limitsStatement({ sessionId: row.id, fence: row.fence }, paused)]);
    const execute: StoreClient["execute"] = async (query: Parameters<StoreClient["execute"]>[0]) => {
      if (JSON.stringify(query).includes("FROM sender_limits")) await reading.promise;
      return client.execute(query);
    };
    options.store = storeOn({ ...client, execute });
  });
  await adopted.live.stop();
  reading.resolve();
  await adopted.live.sending.limits.ready;
  expect((await adopted.options.metrics.breakersOpen.get()).values[0]!.value).toBe(0);
  await adopted.store.close();
});

test("credentials that were being read when the account was forgotten are not used for the next one", async () => {
  const memory = memoryCredentials();
  const isRead = Promise.withResolvers<void>();
  const reading = Promise.withResolvers<void>();
  const linked = JSON.stringify({ account: {}, me: { id: "6281200000001:1@s.whatsapp.net" } });
  memory.values.set("creds creds", linked);
  const adopted = await adopt((_, options) => {
    options.openCredentials = () => ({
      ...memory.credentials,
      async read(kind, ids) {
        const found = await memory.credentials.read(kind, ids);
        if (memory.reads.length > 1) return found;
        isRead.resolve();
        await reading.promise;
        return found;
      },
    });
  });
  onTestFinished(() => adopted.close());
  const { live, row, sockets } = adopted;
  await isRead.promise;
  live.desiredStateChanged({ ...row, desired: "logged_out", revision: 2 });
  await until("it is logged out", () => live.session.machine.reason === "logged_out");
  await live.session.idle();
  memory.values.clear();
  reading.resolve();
  live.desiredStateChanged({ ...row, desired: "running", revision: 3 });
  await until("it connects", () => sockets.length === 1);
  expect(sockets[0]!.auth.creds.me).toBeUndefined();
});
