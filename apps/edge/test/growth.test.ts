import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

it("every table of the database has its bound in docs/limits.md", async () => {
  const tables = await edge.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
  const page = readFileSync(fileURLToPath(import.meta.resolve("../../../docs/limits.md")), "utf8");
  const bounds = [...page.matchAll(/^\| `([a-z_]+)` +\| +(\S.*?) +\| +(\S.*?) +\|$/gm)].map(([, name]) => name);
  expect(bounds.length).toBe(tables.length);
  expect(new Set(bounds)).toEqual(new Set(tables.map(({ name }) => name)));
});

const entries = () => edge.rows("SELECT action, detail FROM audit ORDER BY rowid");
const countries = "AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR".split(
  " ",
);

const addresses = (from: number) => Array.from({ length: 100 }, (_, i) => `2001:db8:${i + from}:ffff::/64`);

describe("the audit log", () => {
  it("has no entry for the same countries, modes, template or channel in another spelling", async () => {
    const patch = (policy: object) => edge.api("PATCH /v1/workspace", { policy });
    const first = await patch({ countries, modes: ["inbound", "push"] });
    expect(first.body["policy"]).toMatchObject({ countries, modes: ["push", "inbound"] });
    edge.advance(1);
    for (let i = 0; i < 3; i++) {
      const again = await patch({ countries: [...countries.toReversed(), "AD"], modes: ["push", "inbound", "push"] });
      expect([again.status, again.body]).toEqual([200, first.body]);
    }
    // The default by name, and by itself.
    await patch({ maxChecks: 5 });
    await patch({ maxChecks: null });
    expect((await entries()).map(({ action }) => action)).toEqual(["workspace.updated"]);

    const template = { name: "Login", purpose: "login", texts: { en: "{{code}}\nfor Acme" } };
    const made = await edge.api("POST /v1/templates", template);
    const path = `/v1/templates/${made.body["id"] as string}`;
    edge.advance(1);
    const put = await edge.api(`PUT ${path}`, template);
    expect([put.status, put.body]).toEqual([200, made.body]);
    expect((await edge.api(`PUT ${path}`, { ...template, name: "Sign in" })).body["name"]).toBe("Sign in");

    const mutedKinds = ["offline", "limited"];
    const slack = { kind: "slack", name: "a", url: "https://hooks.example.com/x" };
    const channel = await edge.api("POST /v1/alert-channels", { ...slack, mutedKinds });
    await edge.api(`PATCH /v1/alert-channels/${channel.body["id"] as string}`, { mutedKinds: mutedKinds.toReversed() });
    await edge.api(`PATCH /v1/alert-channels/${channel.body["id"] as string}`, { mutedKinds });
    expect((await entries()).map(({ action }) => action)).toEqual([
      "workspace.updated",
      "template.created",
      "template.updated",
      "alert_channel.created",
    ]);
  });

  it("says of long lists what was added and removed, and never more than 2 KB", async () => {
    const created = await edge.api("POST /v1/keys", { name: "a", scopes: ["otp:send"], ipAllowList: addresses(0) });
    edge.advance(1);
    const patched = await edge.api(`PATCH /v1/keys/${created.body["id"] as string}`, { ipAllowList: addresses(1) });
    expect([created.status, patched.status]).toEqual([201, 200]);
    const [first, second] = (await entries()).map(({ detail }) => String(detail));
    expect(JSON.parse(first!)).toMatchObject({ name: "a", isShortened: true });
    expect((JSON.parse(first!) as { ipAllowList: string[] }).ipAllowList.at(-1)).toBe("… 90 more");
    expect(JSON.parse(second!)).toEqual({
      ipAllowList: { added: ["2001:db8:100:ffff::/64"], removed: ["2001:db8:0:ffff::/64"] },
      isShortened: true,
    });
    for (const detail of [first!, second!]) expect(Buffer.byteLength(detail)).toBeLessThanOrEqual(2_048);
  });
});

const keep = (retentionDays: object) => edge.api("PATCH /v1/workspace", { policy: { retentionDays } });

describe("a policy's retention", () => {
  it("is refused where it is longer than the operator grants, with the field and the reason", async () => {
    const refused = await keep({ audit: 3650 });
    expect([refused.status, refused.body.errors]).toEqual([
      400,
      [
        {
          pointer: "/policy/retentionDays/audit",
          message: "must be at most 365 (the quota's `retentionDays.audit`)",
        },
      ],
    ]);
    await edge.client.execute(`UPDATE workspace SET quota = '{"retentionDays":{"audit":3650,"messages":10}}'`);
    expect((await keep({ audit: 3650 })).status).toBe(200);
    expect((await keep({ messages: 11 })).body.errors?.map(({ pointer }) => pointer)).toEqual([
      "/policy/retentionDays/messages",
    ]);
    // What was chosen before the operator granted less is in nobody's way.
    await edge.client.execute("UPDATE workspace SET quota = '{}'");
    expect((await edge.api("PATCH /v1/workspace", { policy: { maxChecks: 3 } })).status).toBe(200);
    expect((await keep({ audit: 365 })).status).toBe(200);
  });
});

it("a refusal longer than 8 KB is not kept for its Idempotency-Key, a shorter one is", async () => {
  const check = (input: object, key: string) =>
    edge.api("POST /v1/verifications/ver_01jd3k9v7hq2w8x5n4b6m0c1ta/check", input, {
      headers: { "idempotency-key": key },
    });
  const fields = Object.fromEntries(Array.from({ length: 60 }, (_, i) => ["x".repeat(500) + i, 1]));
  const long = await check(fields, "a");
  await edge.settled();
  expect([long.status, long.text.length > 8_192, await edge.count("idempotency")]).toEqual([400, true, 0]);
  expect((await check(fields, "a")).status).toBe(400);
  expect((await check({ code: "x" }, "b")).status).toBe(400);
  await edge.settled();
  expect(await edge.count("idempotency")).toBe(1);
});
