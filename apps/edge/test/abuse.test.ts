import { claimPath, type Verification } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { type Edge, wrong } from "./harness.ts";
import { setPolicy } from "./set-policy.ts";
import { useEdge } from "./use-edge.ts";
import { verificationCalls } from "./verification-calls.ts";

let edge: Edge;
useEdge((started) => (edge = started));

beforeEach(async () => {
  await edge.addSession();
});

const { create } = verificationCalls(() => edge);

describe("sends to one number", () => {
  it("are five in ten minutes, ten in an hour and twenty in a day, over all purposes", async () => {
    await setPolicy(edge, { countries: ["*"], prefixGuard: "off" });
    let sent = 0;
    const waits: unknown[] = [];
    for (let i = 0; sent < 21; i++) {
      const { status, body } = await create({ purpose: `p${i}` });
      if (status === 202) sent++;
      else {
        waits.push([sent, body.code, body.retryAfter]);
        edge.advance((body.retryAfter ?? 0) * 1000);
      }
    }
    expect(waits).toEqual([
      [5, "destination-limited", 600],
      [10, "destination-limited", 3000],
      [15, "destination-limited", 600],
      [20, "destination-limited", 86_400 - 600 - 3000 - 600],
    ]);
  });

  it("count over all workspaces once they are given to a connector, a share of each", async () => {
    edge.services.destinationPerDay = 3;
    const give = async (sessionId: string, { delivery }: Verification) => {
      const claim = { messageId: delivery?.messageId, sessionId, fence: 1 };
      for (let i = 0; i < 2; i++) await edge.internal(claimPath, { connectorId: "a", claims: [claim] });
    };
    for (let i = 0; i < 3; i++) {
      const workspace = await edge.addWorkspace();
      const sessionId = await edge.addSession("online", workspace.id);
      const { status, body } = await create({}, { key: workspace.key });
      expect(status).toBe(202);
      await give(sessionId, body);
    }
    const { status, headers, body } = await create();
    expect(headers.get("ratelimit-policy")).toContain('"destination-all-senders";q=3;w=86400');
    expect(headers.get("ratelimit")).toContain('"destination-all-senders";r=0;t=86400');
    expect([status, body.code, body.detail]).toEqual([
      429,
      "destination-limited",
      "At most 3 codes go to one number in a day, over all senders.",
    ]);
    expect((await create({ to: "+6281234567891" })).status).toBe(202);
  });

  it("of one workspace do not use up what the others have, canceled ones least of all", async () => {
    const generous = { destinationPer10Minutes: 1000, destinationPerHour: 1000, destinationPerDay: 1000 };
    const greedy = await edge.addWorkspace("Greedy", { ...generous, prefixGuard: "off" });
    const sessionId = await edge.addSession("online", greedy.id);
    for (let i = 0; i < 60; i++) {
      const { body } = await create({ purpose: `p${i}` }, { key: greedy.key });
      const claim = { messageId: body.delivery?.messageId, sessionId, fence: 1 };
      if (i % 2 === 0) await edge.api(`POST /v1/verifications/${body.id}/cancel`, undefined, { key: greedy.key });
      else await edge.internal(claimPath, { connectorId: "a", claims: [claim] });
    }
    const [all] = await edge.rows("SELECT day_count FROM destination_send WHERE workspace_id = ''");
    expect(all?.["day_count"]).toBe(10);
    expect((await create()).status).toBe(202);
  });

  it("are not counted when they were refused, nor when the user is to write first", async () => {
    await create();
    for (let i = 0; i < 5; i++) await create();
    for (let i = 0; i < 5; i++) await create({ mode: "inbound", purpose: `p${i}` });
    expect(await edge.rows("SELECT DISTINCT short_count FROM destination_send")).toEqual([{ short_count: 1 }]);
  });

  it("wait for the cooldown also when the checks of the one before are used up", async () => {
    const { body } = await create();
    const code = await edge.codeOf(body.id);
    await edge.client.execute("UPDATE message SET status = 'sent'");
    for (let i = 0; i < 5; i++) await edge.api(`POST /v1/verifications/${body.id}/check`, { code: wrong(code) });
    const again = await create();
    expect([again.status, again.body.code, again.body.retryAfter]).toEqual([429, "resend-cooldown", 30]);
    edge.advance(30_000);
    expect((await create()).body.created).toBe(true);
  });

  it("at the same time pass up to exactly the limit", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => create({ purpose: `p${i}` })));
    expect(answers.filter(({ status }) => status === 202).length).toBe(5);
  });
});

describe("countries", () => {
  it("are the default country's alone when none are named, and what is named otherwise", async () => {
    const singapore = "+6581234567";
    for (const [policy, indonesia, other] of [
      [{}, 403, 403],
      [{ defaultCountry: "ID" }, 202, 403],
      [{ defaultCountry: "ID", countries: ["SG"] }, 403, 202],
      [{ countries: ["*"] }, 202, 202],
    ] as const) {
      await setPolicy(edge, policy);
      const answers = [
        await create({ purpose: `a${indonesia}${other}` }),
        await create({ to: singapore, purpose: `a${indonesia}${other}` }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([indonesia, other]);
      const refused = answers.filter(({ status }) => status === 403);
      expect(refused.every(({ body }) => body.code === "country-not-allowed")).toBe(true);
    }
  });

  it("allows national numbers in their national form", async () => {
    await setPolicy(edge, { defaultCountry: "ID" });
    const { body } = await create({ to: "0812-3456-7890" });
    expect([body.to, body.country]).toEqual(["+62812•••7890", "ID"]);
    expect((await create()).body.code).toBe("resend-cooldown");
    await setPolicy(edge, { countries: ["*"] });
    expect((await create({ to: "081234567890" })).status).toBe(400);
  });
});

describe("rules", () => {
  let rules = 0;
  const addRule = (effect: string, kind: string, value: string, valueTo = "") =>
    edge.client.execute({
      sql: `INSERT INTO access_rule (id, workspace_id, effect, kind, value, value_to, label, created_at)
        VALUES (?, ?, ?, ?, ?, ?, '', 0)`,
      args: [`rul_${rules++}`, edge.workspace.id, effect, kind, value, valueTo],
    });

  it("block by prefix and country, and allow in spite of that, without lifting the limits", async () => {
    await addRule("block", "prefix", "62812");
    expect((await create()).body.code).toBe("destination-blocked");
    expect((await create({ to: "+6281334567890" })).status).toBe(202);
    await addRule("allow", "prefix", "628123456");
    expect((await create()).status).toBe(202);
    expect((await create()).body.code).toBe("resend-cooldown");
    await addRule("block", "country", "SG");
    expect((await create({ to: "+6581234567" })).body.code).toBe("destination-blocked");
  });

  it("block a resend also with a prefix longer than a verification keeps", async () => {
    const { body } = await create();
    edge.advance(30_000);
    await addRule("block", "prefix", "6281234567");
    const { status, body: problem } = await edge.api(`POST /v1/verifications/${body.id}/resend`);
    expect([status, problem.code]).toEqual([403, "destination-blocked"]);
  });

  it("block by the end user's address", async () => {
    await addRule("block", "ip", "00000000000000000000ffffcb007100", "00000000000000000000ffffcb0071ff");
    const blocked = await create({ endUserIp: "203.0.113.77" });
    expect([blocked.status, blocked.body.code]).toEqual([403, "destination-blocked"]);
    expect((await create({ endUserIp: "203.0.114.1" })).status).toBe(202);
  });
});

const number = (i: number) => `+6281234${String(50_000 + i)}`;
const send = (i: number) => create({ to: number(i), purpose: `p${i}` });
/** How many of a hundred were typed in two days ago. */
const usual = async (approved: number) => {
  const hour = Math.floor(edge.services.now().getTime() / 3_600_000) * 3_600_000 - 48 * 3_600_000;
  await edge.client.execute("DELETE FROM conversion");
  for (const [stage, count] of [
    ["created", 100],
    ["approved", approved],
  ] as const) {
    await edge.client.execute({
      sql: `INSERT INTO conversion VALUES (?, '6281234', ?, 'ID', 's', '', 'login', 'push', ?, 1, ?)`,
      args: [edge.workspace.id, hour, stage, count],
    });
  }
};

describe("the prefix guard", () => {
  it("blocks a prefix whose codes nobody types in, for an hour, then for two, and no other prefix", async () => {
    for (let i = 0; i < 20; i++) expect((await send(i)).status).toBe(202);
    const blocked = await send(20);
    expect([blocked.status, blocked.body.code, blocked.body.retryAfter]).toEqual([403, "prefix-blocked", 3600]);
    expect((await create({ to: "+6281334567890" })).status).toBe(202);
    expect(await edge.rows("SELECT prefix, strikes, sends, approved FROM prefix_guard")).toEqual([
      { prefix: "6281234", strikes: 1, sends: 20, approved: 0 },
    ]);
    edge.advance(3_600_000);
    for (let i = 30; i < 50; i++) expect((await send(i)).status).toBe(202);
    expect((await send(50)).body.retryAfter).toBe(7200);
  });

  it("leaves a prefix alone of which a tenth is typed in, or where so little is usual", async () => {
    for (let i = 0; i < 30; i++) {
      const { status, body } = await send(i);
      expect(status).toBe(202);
      if (i % 8 === 0) await edge.api(`POST /v1/verifications/${body.id}/check`, { code: await edge.codeOf(body.id) });
    }
    expect(await edge.count("prefix_guard")).toBe(0);
  });

  it("compares with the week before", async () => {
    const statuses: number[] = [];
    for (const approved of [20, 90]) {
      await edge.client.batch(["DELETE FROM verification", "DELETE FROM destination_send"]);
      await usual(approved);
      for (let i = 0; i < 21; i++) {
        const { status, body } = await send(i + approved);
        // One of twenty: a twentieth, which is a quarter of a fifth, and far less than nine tenths.
        if (i === 0) await edge.api(`POST /v1/verifications/${body.id}/check`, { code: await edge.codeOf(body.id) });
        if (i === 20) statuses.push(status);
      }
    }
    expect(statuses).toEqual([202, 403]);
  });

  it("takes a past without approvals, or with hardly any, for none", async () => {
    for (const approved of [0, 2]) {
      await edge.client.batch(["DELETE FROM verification", "DELETE FROM destination_send", "DELETE FROM prefix_guard"]);
      await usual(approved);
      const statuses = [];
      for (let i = 0; i < 22; i++) statuses.push((await send(i)).status);
      expect(statuses).toEqual([...Array.from({ length: 20 }, () => 202), 403, 403]);
    }
  });

  it("holds for a prefix that sent too little for it before", async () => {
    let next = 0;
    const burst = async (codes: number) => {
      const statuses = [];
      for (let i = 0; i < codes; i++) statuses.push((await send(next++)).status);
      edge.advance(3 * 3_600_000);
      return statuses.filter((status) => status === 202).length;
    };
    expect([await burst(19), await burst(5), await burst(120)]).toEqual([19, 5, 20]);
  });

  it("counts no codes that the caller knows, resent or approved ones included; what it blocks is blocked for them too", async () => {
    await setPolicy(edge, { countries: ["*"], allowReveal: true });
    const ids: string[] = [];
    for (let i = 0; i < 30; i++) {
      const known = i % 2 === 0 ? { code: "480213" } : { revealCode: true };
      ids.push((await create({ to: number(i), purpose: `k${i}`, ...known })).body.id);
    }
    const [first = "", ...others] = ids;
    const approve = async (id: string) =>
      edge.api(`POST /v1/verifications/${id}/check`, { code: await edge.codeOf(id) });
    const approved = await Promise.all(others.slice(0, 10).map(approve));
    edge.advance(30_000);
    const resent = await edge.api(`POST /v1/verifications/${first}/resend`);
    expect([resent.status, ...approved.map(({ status }) => status)]).toEqual([202, ...Array<number>(10).fill(200)]);
    for (let i = 30; i < 50; i++) expect((await send(i)).status).toBe(202);
    expect((await send(50)).body.code).toBe("prefix-blocked");
    expect(await edge.rows("SELECT sends, approved FROM prefix_guard")).toEqual([{ sends: 20, approved: 0 }]);
    expect((await create({ to: number(51), code: "480213" })).body.code).toBe("prefix-blocked");
  });

  it("is off where the policy says so", async () => {
    await setPolicy(edge, { countries: ["*"], prefixGuard: "off" });
    for (let i = 0; i < 25; i++) expect((await send(i)).status).toBe(202);
  });
});
