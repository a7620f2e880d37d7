import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Verification } from "@sandi/contracts";
import { type Libsql, randomPorts, startLibsql } from "@sandi/local-stack";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Line, lineTo } from "../../../apps/connector/test/support/line.ts";
import { codeIn } from "../src/code.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

const leaseSeconds = 3;
const url = ({ port }: Line) => `http://127.0.0.1:${port}`;

describe("an outage", () => {
  let stack: TestStack;
  let folder: string;
  let database: Libsql;
  let lines: Record<"redis" | "qstash" | "database", Line>;
  let users = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sandi-outages-"));
    database = await startLibsql({ file: join(folder, "connector.db"), token: "secret" });
    const ports = await randomPorts();
    const [redis, qstash, db] = await Promise.all([ports.redis, ports.qstash, database.port].map(lineTo));
    lines = { redis: redis!, qstash: qstash!, database: db! };
    stack = await startTestStack({
      ports,
      edgeEnv: { UPSTASH_REDIS_REST_URL: url(lines.redis), QSTASH_URL: url(lines.qstash) },
      connectorEnv: () => ({
        LIBSQL_URL: url(lines.database),
        LIBSQL_AUTH_TOKEN: "secret",
        LEASE_SECONDS: String(leaseSeconds),
      }),
    });
  });
  afterAll(async () => {
    await stack.destroy();
    await Promise.all(Object.values(lines).map((line) => line.close()));
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function newUser(): Promise<string> {
    const number = `+62813000003${String(users++).padStart(2, "0")}`;
    await stack.addPhone(number);
    return number;
  }

  async function create(to: string): Promise<string> {
    const { status, body } = await stack.api<Verification>("POST /v1/verifications", { to });
    expect(status).toBe(202);
    return body.id;
  }

  const codesOf = async (number: string) => (await stack.inbox(number)).map(({ text }) => codeIn(text));

  /** Exactly one code has arrived, it is reported as read, and it is right. */
  async function arrives(id: string, to: string): Promise<void> {
    const delivery = async () => (await stack.api<Verification>(`GET /v1/verifications/${id}`)).body.delivery?.status;
    await eventually("the code to be read", async () => (await delivery()) === "read", 90_000);
    const codes = await codesOf(to);
    expect(codes).toHaveLength(1);
    const { status } = await stack.api(`POST /v1/verifications/${id}/check`, { code: codes[0] });
    expect(status).toBe(200);
  }

  it.each(["cut", "deaf"] as const)(
    "of Redis (%s) stops no code: limits and replay guards stand aside",
    async (how) => {
      lines.redis.set(how);
      const to = await newUser();
      await arrives(await create(to), to);
      lines.redis.set("up");
      // The first call that asks Redis logs the failure: the request for the code, or a report of the connector.
      expect(stack.lines.join("\n")).toMatch(/Redis does not answer; (requests are not limited|a service token)/);
    },
  );

  it("of QStash loses nothing: cron publishes what was accepted", async () => {
    lines.qstash.set("cut");
    const to = await newUser();
    const id = await create(to);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await codesOf(to)).toEqual([]);
    lines.qstash.set("up");
    await arrives(id, to);
  });

  it("of the connector's database, longer than the leases, ends without a restart", async () => {
    const before = stack.connector.pid;
    lines.database.set("cut");
    await eventually("readiness to say so", async () => {
      const response = await fetch(`${stack.connectorUrl}/readyz`);
      return response.status === 503 && (await response.text()).includes("the database does not answer");
    });
    await new Promise((resolve) => setTimeout(resolve, 2 * leaseSeconds * 1000));
    const to = await newUser();
    const id = await create(to);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await codesOf(to)).toEqual([]);
    lines.database.set("up");
    await arrives(id, to);
    expect(stack.connector.pid).toBe(before);
    await eventually("the session to be reported online", async () => {
      const { body } = await stack.api<{ state: string }>(`GET /v1/sessions/${stack.local.sessionId}`);
      return body.state === "online";
    });
  });
}, 180_000);
