import { randomUUID } from "node:crypto";
import type { AnalyticsSummary, CreatedSupabaseHook } from "@sandi/contracts";
import { signWebhook } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { type Edge, limitAnswer } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let hook: CreatedSupabaseHook;
const [old, other] = ["6281300000001", "6281300000002"];
const otp = "561166";

beforeEach(async () => {
  await edge.addSession();
  hook = (await edge.api<CreatedSupabaseHook>("POST /v1/hooks/supabase", { name: "Ours" })).body;
});

interface Payload {
  user?: Record<string, unknown>;
  sms?: Record<string, unknown>;
  metadata?: Record<string, unknown>;
}

/** Posts as Supabase Auth does; answers the error that it would show, or `sent`. */
async function post({ user, sms, metadata }: Payload) {
  const body = JSON.stringify({
    metadata: { uuid: randomUUID(), time: "2026-11-21T08:00:00Z", name: "send-sms", ...metadata },
    user: { id: "u", aud: "authenticated", phone: old, ...user },
    sms: { otp, ...sms },
  });
  const timestamp = Math.floor(edge.services.now().getTime() / 1000);
  const id = randomUUID();
  const signature = await signWebhook({ secrets: [hook.secret ?? ""], id, timestamp, body });
  const headers = { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signature };
  const path = `POST /v1/hooks/supabase/${hook.id}`;
  const answer = await edge.api<{ error?: { http_code: number; message: string } }>(path, body, { key: null, headers });
  await edge.settled();
  expect(answer.status).toBe(200);
  const { error } = answer.body;
  return error ? `${error.http_code} ${error.message}` : "sent";
}

const sent = async () => {
  const rows = await edge.rows("SELECT purpose, sealed_code FROM verification ORDER BY purpose");
  const codes = await Promise.all(
    rows.map((row) => edge.unseal(String(row["sealed_code"])) as Promise<{ to: string; code: string }>),
  );
  return codes.map(({ to, code }, i) => [rows[i]?.["purpose"], to, code]);
};

describe("the recipient of a code of Supabase", () => {
  it.each<[string, Payload, string, string]>([
    ["the new number", { user: { new_phone: other }, sms: { phone: other } }, `+${other}`, "supabase.phone_change"],
    [
      "the first number of an account",
      { user: { phone: "", new_phone: other }, sms: { phone: other } },
      `+${other}`,
      "supabase.phone_change",
    ],
    [
      "the old number while a change is pending",
      { user: { new_phone: other }, sms: { phone: old } },
      `+${old}`,
      "supabase",
    ],
    ["the factor's number", { sms: { phone: other, sms_type: "mfa" } }, `+${other}`, "supabase.mfa"],
    [
      "a factor of a user without a number",
      { user: { phone: null }, sms: { phone: `+${other}` } },
      `+${other}`,
      "supabase",
    ],
    ["the user's number where `sms.phone` is missing", {}, `+${old}`, "supabase"],
    ["the same where it is empty", { sms: { phone: "", sms_type: "" } }, `+${old}`, "supabase"],
    [
      "the new number where it is the only one",
      { user: { phone: "", new_phone: other } },
      `+${other}`,
      "supabase.phone_change",
    ],
  ])("is %s", async (_, payload, to, purpose) => {
    expect(await post(payload)).toBe("sent");
    expect(await sent()).toEqual([[purpose, to, otp]]);
  });

  it("is refused if Supabase names two numbers and does not choose", async () => {
    expect(await post({ user: { new_phone: other } })).toMatch(/^400 \/sms\/phone is required: the user has a number/);
    expect(await post({ user: { phone: "" } })).toBe("400 /user/phone must not be empty.");
    expect(await sent()).toEqual([]);
  });
});

describe("what a code of Supabase is for", () => {
  it("keeps a second factor apart from the sign-in before it: no cooldown, and both codes are good", async () => {
    expect(await post({})).toBe("sent");
    expect(await post({ sms: { otp: "200200", sms_type: "mfa", phone: old } })).toBe("sent");
    expect(await sent()).toEqual([
      ["supabase", `+${old}`, otp],
      ["supabase.mfa", `+${old}`, "200200"],
    ]);
    expect(await edge.rows("SELECT DISTINCT status FROM verification")).toEqual([{ status: "pending" }]);
    expect(await post({ sms: { otp: "300300", sms_type: "mfa", phone: old } })).toMatch(/^429 /);
  });

  it("chooses the template: the purpose's own, else the one of `supabase`", async () => {
    for (const [purpose, word] of [
      ["supabase", "Any"],
      ["supabase.phone_change", "Change"],
    ]) {
      const texts = { en: `${word} {{company}}\n\n*{{code}}*` };
      expect((await edge.api("POST /v1/templates", { name: word, purpose, texts })).status).toBe(201);
    }
    await post({ sms: { sms_type: "mfa" } });
    edge.advance(1);
    await post({ user: { new_phone: other }, sms: { phone: other } });
    const texts = await edge.rows("SELECT text FROM verification ORDER BY id");
    expect(texts.map(({ text }) => String(text).split(" ")[0])).toEqual(["Any", "Change"]);
  });

  it("has to be a word that a purpose can have", async () => {
    expect(await post({ sms: { sms_type: "A B" } })).toMatch(/^400 \/sms\/sms_type must be at most 23 of/);
    expect(await post({ sms: { sms_type: 7 } })).toBe("400 /sms/sms_type must be a string, not a number.");
  });
});

describe("where a request to Supabase came from", () => {
  const ip = "203.0.113.7";

  it("is held to the rules for addresses", async () => {
    await edge.api("POST /v1/access-rules", { effect: "block", kind: "ip", value: "203.0.113.0/24" });
    expect(await post({ metadata: { ip_address: ip } })).toMatch(/^403 /);
    expect(await post({ metadata: { ip_address: "203.0.114.7" } })).toBe("sent");
  });

  it("counts for the limits of `endUserIp`, and is in no table in clear", async () => {
    const seen: unknown[] = [];
    edge.redis = ([, , count, ...rest]) => {
      seen.push(...rest.slice(0, Number(count)).map((key) => String(key).split(":")[2]));
      return Promise.resolve(limitAnswer(count));
    };
    expect(await post({ metadata: { ip_address: ip } })).toBe("sent");
    expect(seen).toEqual(["key", "workspace", "workspace-sends", "ip-sends-minute", "ip-sends-hour"]);
    const rows = await edge.rows("SELECT * FROM verification");
    expect(JSON.stringify(rows)).not.toContain(ip);
  });

  it("has to be an address, or is left out", async () => {
    expect(await post({ metadata: { ip_address: "here" } })).toBe(
      "400 /metadata/ip_address must be an IPv4 or IPv6 address.",
    );
    expect(await post({ metadata: { ip_address: "" } })).toBe("sent");
  });
});

it("codes of Supabase have 6 to 10 digits", async () => {
  for (const [i, code] of ["123456", "1234567", "12345678", "123456789", "1234567890"].entries()) {
    expect(await post({ sms: { otp: code, phone: `628130000001${i}` } })).toBe("sent");
  }
  const rows = await edge.rows("SELECT code_length FROM verification ORDER BY code_length");
  expect(rows.map((row) => row["code_length"])).toEqual([6, 7, 8, 9, 10]);
  const { body } = await edge.api<{ verifications: { codeLength: number }[] }>("GET /v1/verifications");
  expect(Math.max(...body.verifications.map(({ codeLength }) => codeLength))).toBe(10);
});

it("codes that Supabase checks neither block a prefix nor lower the conversion", async () => {
  for (let i = 10; i < 35; i++) expect(await post({ user: { phone: `62813000000${i}` } })).toBe("sent");
  expect(await edge.count("prefix_guard")).toBe(0);
  const { total } = (await edge.api<AnalyticsSummary>("GET /v1/analytics/summary")).body;
  expect([total.counts.created, total.counts.checkedElsewhere, total.rates.conversion]).toEqual([25, 25, null]);
});
