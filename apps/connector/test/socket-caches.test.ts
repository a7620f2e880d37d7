import { EventEmitter } from "node:events";
import type { WASocket } from "@whiskeysockets/baileys";
import { expect, onTestFinished, test } from "vitest";
import { createSocketCaches } from "../src/baileys/caches.ts";
import { subscribeDeviceChanges } from "../src/baileys/devices.ts";
import { until } from "./support/fake-edge.ts";
import { startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000001";

test("a person's devices are asked for once, over all sockets of a session", async () => {
  const [asked, found]: string[][] = [[], []];
  const rig = await startRig({
    services: { chance: () => 0 },
    around: (open) => (options) => {
      const { userDevices } = options.caches;
      const counted: typeof userDevices = {
        ...userDevices,
        get: <T>(key: string) => {
          const value = userDevices.get<T>(key);
          if (value !== undefined) found!.push(key);
          return value;
        },
        set: (key, value) => {
          asked!.push(key);
          return userDevices.set(key, value);
        },
      };
      return open({ ...options, caches: { ...options.caches, userDevices: counted } });
    },
  });
  onTestFinished(() => rig.close());
  rig.simulator.createPhone({ number: user });
  const sessionId = await rig.pair(own);
  await rig.send(sessionId, { to: user, text: "one" });
  expect(asked).toContain(user.slice(1));
  const before = [...asked!];
  rig.simulator.setFault({ kind: "drop" });
  await until("it is back", () => rig.edge.statesOf(sessionId).filter((state) => state === "online").length === 2);
  found!.length = 0;
  await rig.send(sessionId, { to: user, text: "two" });
  expect(asked).toEqual(before);
  expect(found).toContain(user.slice(1));
});

test.each([
  ["phone number", { from: "6281300000001@s.whatsapp.net" }, "6281300000001:2@s.whatsapp.net"],
  ["LID", { from: "1000@lid" }, "1000:2@lid"],
])("a person whose devices change is asked about again, named by %s or not", async (_name, attrs, device) => {
  const ws = new EventEmitter();
  const lidMapping = {
    getPNForLID: async () => "6281300000001:0@s.whatsapp.net",
    getLIDForPN: async () => "1000@lid",
  };
  const caches = createSocketCaches();
  const names = ["6281300000001", "1000", "6281300000009"];
  for (const name of names) await caches.userDevices.set(name, [{ user: name }]);
  subscribeDeviceChanges({ ws, signalRepository: { lidMapping } } as unknown as WASocket, caches);
  const content = [{ tag: "add", attrs: {}, content: [{ tag: "device", attrs: { jid: device } }] }];
  ws.emit("CB:notification,type:devices", { tag: "notification", attrs, content });
  await new Promise((resolve) => setImmediate(resolve));
  const known = await Promise.all(names.map((name) => caches.userDevices.get(name)));
  expect(known.map((list) => list !== undefined)).toEqual([false, false, true]);
});
