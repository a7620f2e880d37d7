import { ReachabilityRpc } from "@sandi/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createKnownNumbers } from "../src/numbers/known-numbers.ts";
import { type Asker, createNumbers } from "../src/numbers/numbers.ts";
import type { KnownNumber, NumberStore } from "../src/store/numbers.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, startRig } from "./support/rig.ts";

const own = "+6281200000001";
let rig: Rig;
let sessionId: string;
beforeAll(async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  sessionId = await rig.pair(own);
});
afterAll(() => rig.close());

let phones = 0;
function phone(): string {
  const number = `+6281366000${String(++phones).padStart(3, "0")}`;
  rig.simulator.createPhone({ number });
  return number;
}
const nobody = () => `+6281999000${String(++phones).padStart(3, "0")}`;

async function ask(numbers: unknown[], session = sessionId) {
  const response = await rig.edge.rpc(ReachabilityRpc.path, { sessionId: session, numbers });
  return { status: response.status, body: await response.json() };
}
const answer = (numbers: string[], reachable: string[]) => ({
  status: 200,
  body: { results: numbers.map((number) => ({ number, isOnWhatsApp: reachable.includes(number) })) },
});

test("answers for each number, in the order of the request, with one look-up", async () => {
  const reachable = Array.from({ length: 25 }, phone);
  const numbers = reachable.flatMap((number) => [nobody(), number]);
  const { contactQueries } = rig.simulator.stats();
  expect(await ask(numbers)).toEqual(answer(numbers, reachable));
  expect(rig.simulator.stats().contactQueries).toBe(contactQueries + 1);
});

test("asks once for what it is asked twice, at once or later, or when it sends", async () => {
  const [one, other] = [phone(), nobody()];
  const { contactQueries } = rig.simulator.stats();
  const twice = [one, other, one];
  expect(await Promise.all([ask(twice), ask(twice)])).toEqual([answer(twice, [one]), answer(twice, [one])]);
  expect(await ask([other])).toEqual(answer([other], []));
  const messageId = await rig.send(sessionId, { to: one, code: "123456" });
  await until("it is sent", () => rig.edge.isFinal(messageId));
  const unsent = await rig.send(sessionId, { to: other, code: "123456" });
  await until("it has failed", () => rig.edge.failureOf(unsent) === "not_on_whatsapp");
  expect(rig.simulator.stats().contactQueries).toBe(contactQueries + 1);
});

test("knows the answers after a restart", async () => {
  const [one, other] = [phone(), nobody()];
  await ask([one, other]);
  await rig.stop();
  await rig.start();
  await until(
    "it is back",
    () => rig.edge.statesOf(sessionId).at(-1) === "online" && rig.simulator.phone(own).devices[0]!.connected,
  );
  const { contactQueries } = rig.simulator.stats();
  const third = phone();
  await until("it answers", async () => (await ask([one, other])).status === 200);
  expect(rig.simulator.stats().contactQueries).toBe(contactQueries);
  expect(await ask([other, third, one])).toEqual(answer([other, third, one], [third, one]));
  expect(rig.simulator.stats().contactQueries).toBe(contactQueries + 1);
});

test("an unknown session and one that is not online have their own errors", async () => {
  expect(await ask([phone()], newId("ses"))).toMatchObject({ status: 404, body: { code: "session-not-found" } });
  const unpaired = newId("ses");
  await rig.setDesiredState({ sessionId: unpaired });
  await until("it is pairing", () => rig.edge.statesOf(unpaired).at(-1) === "pairing");
  expect(await ask([phone()], unpaired)).toMatchObject({ status: 409, body: { code: "session-not-online" } });
});

test("a connection that is lost during a look-up has its own error", async () => {
  const other = "+6281200000007";
  const session = await rig.pair(other);
  rig.simulator.setFault({ kind: "silence", number: other });
  const asked = ask([phone()], session);
  await new Promise((resolve) => setTimeout(resolve, 100));
  rig.simulator.setFault({ kind: "drop", number: other });
  expect(await asked).toMatchObject({ status: 409, body: { code: "session-not-online" } });
  rig.simulator.clearFaults();
});

test("takes between one number and fifty, in E.164, from the edge only", async () => {
  for (const numbers of [[], Array.from({ length: 51 }, () => own), ["6281200000001"], [1]]) {
    expect(await ask(numbers)).toMatchObject({ status: 400, body: { code: "invalid-request" } });
  }
  const response = await rig.edge.rpc(ReachabilityRpc.path, { sessionId, numbers: [own] }, "nonsense");
  expect(response.status).toBe(401);
});

test("the log names none of them", async () => {
  const number = phone();
  await ask([number]);
  expect(rig.log.join("")).not.toContain(number.slice(4));
});

const unlimited = {
  left: () => Promise.resolve({ send: 100, lookUp: 100, until: new Date() }),
  asked: () => Promise.resolve(),
  dead: () => Promise.resolve(),
  pause: () => Promise.resolve(),
};
const services = { now: () => new Date(), chance: () => 0 };
const saying = (jids: [digits: string, jid: string | null][]) =>
  Promise.resolve({ jids: new Map(jids), waits: new Map<string, number>(), pauseMs: null });
const nothing = () => Promise.resolve();
const failing = () => Promise.reject(new Error("no answer"));
const answering = (digits: string[]) => saying(digits.map((one) => [one, `${one}@s.whatsapp.net`]));

test("a question that fails is asked again the next time", async () => {
  const store = { find: () => Promise.resolve(new Map()), store: nothing, delete: () => Promise.resolve(0) };
  const numbers = createNumbers(createKnownNumbers(store, services), unlimited, services);
  const asker = { workspaceId: "ws", sessionId: "ses", purpose: "send" } as const;
  await expect(numbers.jidsOf(["1", "2"], { ...asker, ask: failing })).rejects.toThrow("no answer");
  expect(await numbers.jidsOf(["2", "1"], { ...asker, ask: answering })).toEqual([
    "2@s.whatsapp.net",
    "1@s.whatsapp.net",
  ]);
});

test("another workspace's look-ups show this one nothing, and its slow connection delays only itself", async () => {
  const known = new Map<string, KnownNumber>();
  const store: NumberStore = {
    find: (workspaceId, digits) =>
      Promise.resolve(
        new Map(
          digits.flatMap((one) =>
            known.has(`${workspaceId} ${one}`) ? [[one, known.get(`${workspaceId} ${one}`)!]] : [],
          ),
        ),
      ),
    async store(workspaceId, all) {
      for (const one of all) known.set(`${workspaceId} ${one.digits}`, one);
    },
    delete: () => Promise.resolve(0),
  };
  const numbers = createNumbers(createKnownNumbers(store, services), unlimited, services);
  const asked: string[] = [];
  const asker = (workspaceId: string, name: string, reply: Asker["ask"] = answering): Asker => ({
    workspaceId,
    sessionId: name,
    purpose: "send",
    ask(digits) {
      asked.push(name);
      return reply(digits);
    },
  });
  const slow = asker("a", "a1", () => new Promise<never>(() => undefined));
  void numbers.jidOf("1", slow);
  expect(await numbers.jidOf("1", asker("b", "b1"))).toBe("1@s.whatsapp.net");
  expect(await numbers.jidOf("1", asker("b", "b2"))).toBe("1@s.whatsapp.net");
  expect(
    await numbers.jidOf(
      "1",
      asker("c", "c1", (digits) => saying(digits.map((one) => [one, null]))),
    ),
  ).toBeNull();
  expect(await numbers.jidOf("1", asker("b", "b1"))).toBe("1@s.whatsapp.net");
  expect(asked).toEqual(["a1", "b1", "c1"]);
});
