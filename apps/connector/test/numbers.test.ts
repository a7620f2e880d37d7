import { canonicalNumber, ReachabilityRpc } from "@sandi/contracts";
import { afterEach, expect, test } from "vitest";
import { openStore } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

const own = "+6281200000001";
let rig: Rig;

/** Five minutes into an hour, so that none ends during a test. */
function earlyInTheHour(): () => Date {
  const hourMs = 3_600_000;
  const ahead = 300_000 - (Date.now() % hourMs);
  return () => new Date(Date.now() + ahead);
}

async function pairWith(environment: Record<string, string> = {}): Promise<string> {
  rig = await startRig({ environment, services: { chance: () => 0, now: earlyInTheHour() } });
  return rig.pair(own);
}

const openRigStore = () => openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());

const people = (count: number, prefix = "+62813000") =>
  Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(5, "0")}`);
const register = (numbers: string[]) => {
  for (const number of numbers) rig.simulator.createPhone({ number, receipts: "delivered" });
};
async function ask(sessionId: string, numbers: string[]) {
  const response = await rig.edge.rpc(ReachabilityRpc.path, { sessionId, numbers });
  const body = (await response.json()) as { code?: string; retryAfter?: number; results?: { isOnWhatsApp: boolean }[] };
  return { status: response.status, code: body.code, retryAfter: body.retryAfter, results: body.results };
}
async function outcome(sessionId: string, to: string) {
  const messageId = await rig.send(sessionId, { to, code: "123456" });
  await until("it is final", () => rig.edge.isFinal(messageId));
  return rig.edge.failureOf(messageId) ?? "sent";
}

afterEach(() => rig.close());

test.each([
  ["Brazil", "+551187654321", "+5511987654321"],
  ["Brazil, the other way", "+5511987654322", "+551187654322"],
  ["Mexico", "+5215512345678", "+525512345678"],
  ["Mexico, the other way", "+525512345679", "+5215512345679"],
  ["Argentina", "+5491123456789", "+541123456789"],
  ["Argentina, the other way", "+541123456780", "+5491123456780"],
  ["Benin", "+22961234567", "+2290161234567"],
  ["Côte d'Ivoire", "+22547123456", "+2250747123456"],
])("%s: an account registered as %s is found under %s, with one look-up", async (_country, registered, written) => {
  const sessionId = await pairWith();
  register([registered]);
  const { contactQueries } = rig.simulator.stats();
  expect(await outcome(sessionId, written)).toBe("sent");
  await until("it is there", () => rig.simulator.messages(registered).length === 1);
  // The other spelling is known now as well.
  expect(await outcome(sessionId, registered)).toBe("sent");
  await until("it is there", () => rig.simulator.messages(registered).length === 2);
  expect((await ask(sessionId, [written, registered])).results).toEqual([
    { number: canonicalNumber(written), isOnWhatsApp: true },
    { number: canonicalNumber(written), isOnWhatsApp: true },
  ]);
  expect(rig.simulator.stats().contactQueries).toBe(contactQueries + 1);
});

test("of two accounts under the spellings of one number, the current spelling is used", async () => {
  const sessionId = await pairWith();
  const [former, today] = ["+551187654321", "+5511987654321"];
  register([former, today]);
  for (const number of [former, today]) expect(await outcome(sessionId, number)).toBe("sent");
  await until("both are there", () => rig.simulator.messages(today).length === 2);
  expect(rig.simulator.messages(former)).toEqual([]);
});

test("a landline and the mobile number with the same digits are two", async () => {
  const sessionId = await pairWith();
  const [landline, mobile] = ["+551132654321", "+5511932654321"];
  register([landline]);
  expect([await outcome(sessionId, mobile), await outcome(sessionId, landline)]).toEqual(["not_on_whatsapp", "sent"]);
});

test("what is only asked about may use half of the hour; codes may use all of it, and then fail by name", async () => {
  const sessionId = await pairWith({ LOOKUPS_PER_HOUR: "6", LOOKUPS_PER_DAY: "6" });
  const numbers = people(9);
  register(numbers);
  expect(await ask(sessionId, numbers.slice(0, 3))).toMatchObject({ status: 200 });
  const refused = await ask(sessionId, [numbers[3]!]);
  expect(refused).toMatchObject({ status: 429, code: "lookups-exhausted" });
  expect(refused.retryAfter).toBeGreaterThan(0);
  expect(refused.retryAfter).toBeLessThanOrEqual(3600);
  for (const number of numbers.slice(3, 6)) expect(await outcome(sessionId, number)).toBe("sent");
  expect(await outcome(sessionId, numbers[6]!)).toBe("lookups_exhausted");
  // Known numbers still work.
  expect(await outcome(sessionId, numbers[0]!)).toBe("sent");
  expect(await ask(sessionId, numbers.slice(0, 6))).toMatchObject({ status: 200 });

  // A message with time waits for the next hour, and a restart forgets nothing.
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to: numbers[7]!, text: "no hurry" }, 7_200_000);
  const job = sendJob(messageId, sessionId, 7_200_000, rig.edge.now());
  const waits = await rig.edge.deliver("/jobs/send", job);
  expect([waits.status, Number(waits.headers.get("retry-after")) > 0]).toEqual([503, true]);
  await rig.stop();
  await rig.start();
  await until("it is back", () => rig.simulator.phone(own).devices[0]!.connected);
  await until("it still waits", async () => {
    const { headers } = await rig.edge.deliver("/jobs/send", job);
    return Number(headers.get("retry-after")) > 10;
  });
  const store = await openRigStore();
  // A day has passed.
  await store.client.execute("UPDATE look_up SET hour = hour - 24");
  await store.close();
  expect(await ask(sessionId, [numbers[8]!])).toMatchObject({ status: 200 });
  expect(await rig.edge.deliverUntilDone("/jobs/send", job)).toBe(200);
  await until("it is reported", () => rig.edge.typesOf(messageId).includes("message.sent"));
});

test("with an empty budget, a workspace does not learn whom another has written to", async () => {
  const sessionId = await pairWith({ LOOKUPS_PER_HOUR: "2" });
  const [known, nobody] = ["+6281300000001", "+6281999900001"];
  register([known]);
  expect(await outcome(sessionId, known)).toBe("sent");
  const stranger = await rig.pair("+6281200000009", newId("ws"));
  expect(await ask(stranger, [nobody])).toMatchObject({ status: 200 });
  expect(await ask(stranger, [known])).toMatchObject({ status: 429, code: "lookups-exhausted" });
});

test("a day has its own limit", async () => {
  const sessionId = await pairWith({ LOOKUPS_PER_DAY: "2" });
  const numbers = people(3);
  register(numbers);
  for (const number of numbers.slice(0, 2)) expect(await outcome(sessionId, number)).toBe("sent");
  expect(await outcome(sessionId, numbers[2]!)).toBe("lookups_exhausted");
});

test("after too many numbers without an account no unknown number is looked up, and known ones still work", async () => {
  const sessionId = await pairWith({ LOOKUPS_DEAD_PERCENT: "40" });
  const alive = people(2);
  register(alive);
  expect(await outcome(sessionId, alive[0]!)).toBe("sent");
  const dead = people(50, "+62819990");
  expect(await ask(sessionId, dead)).toMatchObject({ status: 200 });
  const { contactQueries } = rig.simulator.stats();
  expect(await ask(sessionId, [alive[1]!])).toMatchObject({ status: 429, code: "lookups-exhausted" });
  expect(await outcome(sessionId, alive[1]!)).toBe("lookups_exhausted");
  expect(await outcome(sessionId, alive[0]!)).toBe("sent");
  expect(await outcome(sessionId, dead[0]!)).toBe("not_on_whatsapp");
  expect(rig.simulator.stats().contactQueries).toBe(contactQueries);

  const store = await openRigStore();
  const { rows } = await store.client.execute("SELECT session_id, asked, dead FROM look_up");
  expect(rows).toEqual([{ session_id: sessionId, asked: 51, dead: 50 }]);
  await store.close();
});
