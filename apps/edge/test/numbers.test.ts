import {
  canonicalNumber,
  PairingCodeRpc,
  ReachabilityRpc,
  type ApprovedVerification,
  type CreatedAccessRule,
  type Destination,
  tokenIn,
  type Verification,
  type VerificationList,
} from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { migrate } from "@sandi/libsql";
import { createClient } from "@libsql/client";
import { beforeEach, describe, expect, it } from "vitest";
import { parsePhone } from "../src/phone.ts";
import { migrateDatabase, migrations } from "../src/setup.ts";
import { type Edge, wrong } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { connectorOf } from "./senders.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;

beforeEach(async () => {
  sessionId = await edge.addSession();
});

/** Canonical, and the other spelling of the same account. */
const accounts = [
  ["Mexico", "+525512345678", "+5215512345678"],
  ["Argentina", "+5491123456789", "+541123456789"],
  ["Brazil", "+5511987654321", "+551187654321"],
  ["Benin", "+2290161234567", "+22961234567"],
  ["Côte d'Ivoire", "+2250747123456", "+22547123456"],
] as const;
const bothWays = accounts.flatMap(([country, canonical, other]) => [
  [country, canonical, other],
  [`${country}, the other way`, other, canonical],
]);

const create = (to: string, more: Record<string, unknown> = {}) =>
  edge.api<Verification>("POST /v1/verifications", { to, ...more });
const check = (to: string, code: string) =>
  edge.api<ApprovedVerification>("POST /v1/verifications/check", { to, code });
const claimsOf = (proof: string | null) =>
  JSON.parse(Buffer.from(proof?.split(".")[1] ?? "", "base64url").toString()) as object;
const rule = (effect: string, kind: string, value: string) =>
  edge.api<CreatedAccessRule>("POST /v1/access-rules", { effect, kind, value });

describe("one account under two spellings", () => {
  it.each(accounts)("has a canonical one that is a valid number today: %s", (_country, canonical, other) => {
    for (const text of [canonical, other]) {
      expect(parsePhone(text, { pointer: "/to" })).toMatchObject({ e164: canonical, written: text });
    }
  });

  it.each(bothWays)("is blocked under each by a rule for one: %s", async (_country, written, asked) => {
    expect((await rule("block", "number", written)).status).toBe(201);
    for (const to of [written, asked]) expect((await create(to)).body.code).toBe("destination-blocked");
    expect((await rule("block", "number", asked)).body.code).toBe("access-rule-exists");
    expect(await edge.count("verification")).toBe(0);
  });

  it.each([
    ["5215512", "+525512345678"],
    ["521", "+525512345678"],
    ["54112345", "+5491123456789"],
    ["54911", "+541123456789"],
    ["551187", "+5511987654321"],
    ["5511987", "+551187654321"],
    ["22961", "+2290161234567"],
    ["22547", "+2250747123456"],
    ["5215512345678", "+525512345678"],
  ])("is blocked by a rule for the prefix %s, and its pending verification ends: %s", async (prefix, to) => {
    const pending = await create(to);
    expect(pending.status).toBe(202);
    const { body } = await rule("block", "prefix", prefix);
    // A verification keeps seven digits of its number.
    expect(body.endedVerifications).toBe(prefix.length > 7 ? 0 : 1);
    expect((await create(to, { purpose: "other" })).body.code).toBe("destination-blocked");
    await rule("allow", "number", to);
    expect((await create(to, { purpose: "other" })).status).toBe(202);
  });

  it("keeps its pending verification when a prefix in the other spelling allows it", async () => {
    await rule("allow", "prefix", "5411");
    await create("+5491123456789");
    expect((await rule("block", "country", "AR")).body.endedVerifications).toBe(0);
  });

  it("is not a landline with the same digits", async () => {
    await rule("block", "number", "+551132654321");
    await rule("block", "prefix", "551132");
    expect((await create("+551132654321")).body.code).toBe("destination-blocked");
    expect((await create("+5511932654321")).status).toBe(202);
  });

  it("is blocked by a rule that was stored before numbers had a canonical spelling", async () => {
    const [, , other] = accounts[1];
    const { body } = await rule("block", "number", "+6281234567890");
    const value = await phoneHash(edge.services.phoneKey, edge.workspace.id, other);
    await edge.client.execute({ sql: "UPDATE access_rule SET value = ? WHERE id = ?", args: [value, body.id] });
    for (const to of accounts[1].slice(1)) expect((await create(to)).body.code).toBe("destination-blocked");
    expect((await create("+5491123456780")).status).toBe(202);
  });

  it.each(bothWays)(
    "has one verification, one cooldown and one count of guesses: %s",
    async (_country, first, second) => {
      const { body } = await create(first);
      expect((await create(second)).status).toBe(429);
      const code = await edge.codeOf(body.id);
      expect((await check(first, wrong(code))).body.attemptsLeft).toBe(4);
      expect((await check(second, wrong(code))).body.attemptsLeft).toBe(3);
      for (const to of [first, second]) {
        const { body: known } = await edge.api<Destination>("POST /v1/destinations/status", { to });
        expect(known).toMatchObject({ failedChecks: { inARow: 2 } });
        const { body: list } = await edge.api<VerificationList>("POST /v1/verifications/search", { to });
        expect(list.verifications.map(({ id }) => id)).toEqual([body.id]);
      }
      const approved = await check(second, code);
      expect(approved.status).toBe(200);
      expect(claimsOf(approved.body.proof)).toMatchObject({
        phone_number: canonicalNumber(first),
        to: body.to,
      });
      expect(await edge.count("destination_budget")).toBe(1);
      expect(await edge.count("destination_send")).toBe(1);
    },
  );

  it.each(bothWays)("approves by its message, and is pushed to from then on: %s", async (_country, to, from) => {
    const { report } = connectorOf(edge);
    const { body } = await create(to, { mode: "auto" });
    expect(body.mode).toBe("inbound");
    // A connector that does not know canonical spellings reports WhatsApp's.
    await report(sessionId, "message.received", { from, token: tokenIn(body.inbound?.text ?? ""), isForwarded: false });
    expect((await edge.api(`GET /v1/verifications/${body.id}`)).body["status"]).toBe("approved");
    expect((await create(to, { mode: "auto" })).body.mode).toBe("push");
    expect(await edge.rows("SELECT prefix FROM verification GROUP BY 1")).toEqual([
      { prefix: canonicalNumber(to).slice(1, 8) },
    ]);
  });

  it.each([
    ["a Brazilian landline", "+5511932654321", "+551132654321"],
    ["another operator's number in Côte d'Ivoire", "+2250544123456", "+22547123456"],
    ["the same digits in another country", "+525512345678", "+545512345678"],
  ])("is not approved by %s", async (_name, to, from) => {
    const { body } = await create(to, { mode: "inbound" });
    await connectorOf(edge).report(sessionId, "message.received", {
      from,
      token: tokenIn(body.inbound?.text ?? ""),
      isForwarded: false,
    });
    expect((await edge.api(`GET /v1/verifications/${body.id}`)).body["status"]).toBe("pending");
  });

  it("is shown in its canonical spelling when it is a session's own, and linked in the one that was written", async () => {
    const { report } = connectorOf(edge);
    const state = { state: "online", reason: null, phone: "+5215512345678", revision: 1 };
    await report(sessionId, "session.state", state);
    expect((await edge.api(`GET /v1/sessions/${sessionId}`)).body["phone"]).toBe("+525512345678");
    const asked: unknown[] = [];
    edge.connector = (path, body) => {
      asked.push([path, body]);
      return { status: 200, body: { code: "K7QX2M9P", expiresAt: "2026-11-21T08:10:00.000Z" } };
    };
    for (const phone of ["+52 1 55 1234 5678", "+52 55 1234 5678"]) {
      expect((await edge.api(`POST /v1/sessions/${sessionId}/pairing-code`, { phone })).status).toBe(200);
    }
    expect(asked).toEqual([
      [PairingCodeRpc.path, { sessionId, phone: "+5215512345678" }],
      [PairingCodeRpc.path, { sessionId, phone: "+525512345678" }],
    ]);
  });
});

it("the migration writes sessions' own numbers as the canonical spelling, and no others", async () => {
  const client = createClient({ url: ":memory:" });
  const now = new Date("2026-11-21T08:00:00Z");
  const before = migrations.findIndex(({ name }) => name === "0010_numbers");
  await migrate(client, migrations.slice(0, before), now);
  await client.execute("INSERT INTO workspace (id, name, created_at) VALUES ('ws_1', 'Acme', 0)");
  const phones = [...accounts.flatMap(([, ...both]) => both), ...others];
  for (const [i, phone] of phones.entries()) {
    await client.execute({
      sql: `INSERT INTO session (id, workspace_id, name, state, phone, desired, revision, acked_revision, publish_after,
        publish_count, created_at, updated_at, pool_id) VALUES (?, 'ws_1', 's', 'online', ?, 'running', 1, 1, 0, 1, 0, 0, 'p')`,
      args: [`ses_${String(i).padStart(3, "0")}`, phone],
    });
  }
  await migrateDatabase(client, now);
  const { rows } = await client.execute("SELECT phone FROM session ORDER BY id");
  expect(rows.map(({ phone }) => phone)).toEqual(phones.map(canonicalNumber));
  client.close();
});
const others = ["+551132654321", "+22544123456", "+22541123456", "+2250700123456", "+548001234567", "+6281234567890"];

/** The same number, as it is typed, pasted and autocompleted. */
const spelled = [
  "+62 812-3456-7890",
  "\u202a+62 812\u00a03456\u20117890\u202c",
  "\u2066+6281234567890\u2069",
  "\u200e+62\u2009812\u20123456\u20127890\u200f",
  "+62 (812) 3456.7890",
  "+62 (0)812 3456 7890",
  "(+62) 812 3456 7890",
  "  +62 812 3456 7890\n",
  "tel:+62-812-3456-7890",
  "\uff0b\uff16\uff12\uff08\uff18\uff11\uff12\uff09\uff13\uff14\uff15\uff16\uff0d\uff17\uff18\uff19\uff10",
  "+٦٢٨١٢٣٤٥٦٧٨٩٠",
  "+६२ ८१२ ३४५६ ७८९०",
];
const national = ["081234567890", "(0812) 3456 7890", "0812\u20103456\u20107890", "٠٨١٢ ٣٤٥٦ ٧٨٩٠", "6281234567890"];
const unread = [
  "+62 812 3456 7890 ext 5",
  "+6281234567890;ext=12",
  "+62 812 3456 7890 x5",
  "+62 812 3456 7890 #5",
  "tel:+6281234567890;ext=12",
  "tel:081234567890",
  "+62 800 FLOWERS",
  "call +6281234567890",
  "+62 812 3456 7890 / +62 813",
  "++6281234567890",
  "+62+81234567890",
  "+62 812 3456 789\u{1d7d8}",
  "+628123456789\u2070",
  "+",
  "()",
  "\u202a\u202c",
];

describe("a number as people write it", () => {
  const e164 = "+6281234567890";

  it.each(spelled)("is read: %j", async (text) => {
    expect(parsePhone(text, { pointer: "/to" })).toMatchObject({ e164, written: e164, country: "ID" });
    expect((await create(text)).body.to).toBe("+62812•••7890");
  });

  it.each(national)("is read with a default country only: %j", async (text) => {
    const other = await edge.addWorkspace("National", { defaultCountry: "ID" });
    await edge.addSession("online", other.id);
    expect((await create(text)).body.errors?.[0]?.pointer).toBe("/to");
    const { status, body } = await edge.api<Verification>("POST /v1/verifications", { to: text }, { key: other.key });
    expect([status, body.to]).toEqual([202, "+62812•••7890"]);
  });

  it("is read with a country's own international prefix, as 00 in Germany and not in Indonesia", () => {
    expect(parsePhone("00 62 812-3456-7890", { pointer: "/to", defaultCountry: "DE" }).e164).toBe(e164);
    expect(() => parsePhone("00 62 812-3456-7890", { pointer: "/to", defaultCountry: "ID" })).toThrow();
  });

  it.each(unread)("is refused when it is more than a number, or none: %j", async (text) => {
    const { status, body } = await create(text);
    expect([status, body.errors?.map(({ pointer }) => pointer)]).toEqual([400, ["/to"]]);
  });

  it("is read at every door", async () => {
    const [, text = ""] = spelled;
    const { body } = await create(e164);
    expect((await check(text, await edge.codeOf(body.id))).status).toBe(200);
    expect((await edge.api("POST /v1/destinations/status", { to: text })).body["to"]).toBe("+62812•••7890");
    expect((await edge.api("POST /v1/destinations/unlock", { to: text })).status).toBe(200);
    expect((await edge.api("POST /v1/messages", { sessionId, to: text, type: "text", text: "hi" })).status).toBe(202);
    const list = await edge.api<VerificationList>("POST /v1/verifications/search", { to: text });
    expect(list.body.verifications).toHaveLength(1);
    edge.connector = (path, asked) =>
      path === ReachabilityRpc.path
        ? {
            status: 200,
            body: {
              results: (asked as { numbers: string[] }).numbers.map((number) => ({ number, isOnWhatsApp: true })),
            },
          }
        : { status: 200, body: { code: "K7QX2M9P", expiresAt: "2026-11-21T08:10:00.000Z" } };
    const { body: reach } = await edge.api("POST /v1/reachability", { numbers: [text] });
    expect(reach["results"]).toEqual([{ number: e164, isOnWhatsApp: true }]);
    expect((await edge.api(`POST /v1/sessions/${sessionId}/pairing-code`, { phone: text })).status).toBe(200);
    expect((await rule("block", "number", text)).body.value).toBe("+62812•••7890");
    expect((await create(e164, { purpose: "other" })).body.code).toBe("destination-blocked");
  });

  it("is a number of the sandbox in the same way", async () => {
    const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    const { status, body } = await edge.api("POST /v1/verifications", { to: "\u202a+999 000-000-00\u202c" }, { key });
    expect([status, body["to"]]).toEqual([202, "+999•••00"]);
  });
});
