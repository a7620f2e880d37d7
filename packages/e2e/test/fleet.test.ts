import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { type Libsql, startLibsql } from "@sandi/local-stack";
import type { StatsSnapshot } from "@sandi/whatsapp-simulator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linkSessions, type LinkedSession } from "../src/bench/linked-sessions.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

const count = 6;
const token = "token-of-the-connectors-database";

describe("three connectors on a libSQL server of their own", () => {
  let stack: TestStack;
  let libsql: Libsql;
  let folder: string;
  let sessions: LinkedSession[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sandi-fleet-"));
    libsql = await startLibsql({ file: join(folder, "connectors.db"), token });
    const connectorEnv = () => ({ LIBSQL_URL: libsql.url, LIBSQL_AUTH_TOKEN: token, LEASE_SECONDS: "5" });
    stack = await startTestStack({ connectors: 3, connectorEnv });
    sessions = await linkSessions(stack, count);
  }, 120_000);
  afterAll(async () => {
    await stack.destroy();
    await libsql.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** How many sessions each machine holds. */
  async function held(): Promise<Map<string, number>> {
    const client = createClient({ url: libsql.url, authToken: token });
    try {
      const { rows } = await client.execute(
        "SELECT owner, count(*) AS held FROM session WHERE owner IS NOT NULL GROUP BY owner ORDER BY owner",
      );
      return new Map(rows.map((row) => [row["owner"] as string, Number(row["held"])]));
    } finally {
      client.close();
    }
  }

  async function stats(): Promise<StatsSnapshot> {
    return (await (await fetch(`${stack.simulatorUrl ?? ""}/stats`)).json()) as StatsSnapshot;
  }

  /** Every session sends a message to its own phone, and each phone shows it once. */
  async function sendWithAll(round: number): Promise<void> {
    const numbers = sessions.map((_, i) => `+628180000${round}${String(i).padStart(3, "0")}`);
    for (const number of numbers) await stack.addPhone(number);
    await Promise.all(
      sessions.map(({ call, sessionId }, i) =>
        call("POST /v1/verifications", { to: numbers[i], route: { sessionId } }),
      ),
    );
    for (const number of numbers) {
      await eventually("the code", async () => (await stack.inbox(number)).length > 0);
    }
    for (const number of numbers) expect(await stack.inbox(number)).toHaveLength(1);
  }

  it("share the sessions, and lose none when one of them is killed for good", async () => {
    // Sessions that are created at the same time may go to the same connector.
    expect([...(await held()).keys()]).toEqual(["local", "local-2", "local-3"]);
    await sendWithAll(0);
    const [first] = stack.connectors;
    first!.kill("SIGKILL");
    const killing = setInterval(() => first!.kill("SIGKILL"), 100);
    await sendWithAll(1);
    const survivors = await eventually("the others to have them all", async () => {
      const now = await held();
      return now.has("local") ? undefined : now;
    });
    expect([...survivors.keys()]).toEqual(["local-2", "local-3"]);
    expect([...survivors.values()].reduce((sum, one) => sum + one)).toBe(count + 1);
    clearInterval(killing);
    await eventually("all to be logged in", async () => (await stats()).sockets.loggedIn === count + 1);
    await sendWithAll(2);
    expect(await stats()).toMatchObject({ devicesWithTwoOwners: 0, undecryptable: 0 });
  });
});
