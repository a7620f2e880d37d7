import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { latestVersion } from "../src/baileys/client-version.ts";
import type { ClientVersion } from "../src/services.ts";
import { findSetting } from "../src/store/settings.ts";
import { openStore } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { startRig } from "./support/rig.ts";

afterEach(() => void vi.restoreAllMocks());

const whatsappAnswers = (answer: () => Promise<Response>) => {
  vi.spyOn(globalThis, "fetch").mockImplementation(answer);
};

test("WhatsApp Web's version is read from its own page", async () => {
  whatsappAnswers(async () => new Response('{"client_revision":1029384756}'));
  expect(await latestVersion(1000)).toEqual([2, 3000, 1_029_384_756]);
});

test.each([
  ["refuses", async () => new Response("", { status: 500 })],
  ["answers something else", async () => new Response("<html>")],
])("there is no version when WhatsApp %s, not even the one of Baileys", async (_what, answer) => {
  whatsappAnswers(answer);
  expect(await latestVersion(1000)).toBe(null);
});

test("there is no version when WhatsApp does not answer in time", async () => {
  const fetches = vi.spyOn(globalThis, "fetch").mockImplementation(
    (_url, init) =>
      new Promise<never>((_, reject) => {
        init?.signal?.addEventListener("abort", () => reject(new Error("aborted")));
      }),
  );
  expect(await latestVersion(1)).toBe(null);
  expect(fetches).toHaveBeenCalledTimes(1);
});

test("a login with the newest version makes it the good one, which is named first after a restart", async () => {
  const newest: ClientVersion = [2, 3000, 7];
  const named: (ClientVersion | null)[] = [];
  const services: { fetchVersion: () => Promise<ClientVersion | null> } = { fetchVersion: async () => newest };
  const rig = await startRig({
    services,
    around: (open) => (options) => {
      named.push(options.version);
      return open(options);
    },
  });
  onTestFinished(() => rig.close());
  const store = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  onTestFinished(() => store.close());
  const sessionId = await rig.pair("+6281200000001");
  expect(named.at(-1)).toEqual(newest);
  const good = await until("it is stored", () => findSetting(store, "whatsapp_version"));
  expect(JSON.parse(good)).toMatchObject({ version: "2.3000.7" });
  await rig.stop();
  services.fetchVersion = () => Promise.reject(new Error("asked again"));
  named.length = 0;
  await rig.start();
  await until("it is back", () => rig.edge.statesOf(sessionId).filter((state) => state === "online").length === 2);
  expect(named).toEqual([newest]);
});
