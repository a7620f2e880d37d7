import { expect, onTestFinished, test } from "vitest";
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
