import { type ClaimResponse, claimPath, eventsPath, type Verification } from "@sandi/contracts";
import { type DatabaseUse, sumOfUses } from "./database-use.ts";
import { type Dependency, startTestEdge } from "./edge.ts";
import { eventually } from "./harness.ts";

/** What one request to the Worker costs in the units that the clouds count. */
export interface RequestUse extends DatabaseUse {
  subrequests: Record<"libsql" | "redis" | "qstash", number>;
}

const code = "739154";

/** The use of the four requests of one code: the customer creates and checks, the connector claims and reports. */
export async function useOfOneCode(): Promise<Record<"create" | "claim" | "report" | "check", RequestUse>> {
  let asked: Dependency[] = [];
  let uses: DatabaseUse[] = [];
  const edge = await startTestEdge({
    onSubrequest: (dependency) => void asked.push(dependency),
    onDatabaseUse: (use) => void uses.push(use),
  });
  const count = (dependency: Dependency) => asked.filter((each) => each === dependency).length;
  const measure = async <Body>(jobs: number, request: () => Promise<{ status: number; body: Body }>) => {
    [asked, uses] = [[], []];
    const { status, body } = await request();
    if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
    await eventually("the work after the answer", async () => count("qstash") === jobs);
    await eventually("the database's answers", async () => uses.length === count("libsql"));
    const subrequests = { libsql: count("libsql"), redis: count("redis"), qstash: count("qstash") };
    return { body, use: { subrequests, ...sumOfUses(uses) } };
  };
  try {
    // The first job is the session's. After this request the key and the texts are cached.
    await edge.api("POST /v1/verifications", { to: "+6281355500001" });
    await eventually("the first jobs", async () => count("qstash") === 2);
    const to = "+6281355500002";
    const created = await measure(1, () => edge.api<Verification>("POST /v1/verifications", { to, code }));
    const { id, delivery } = created.body;
    const messageId = delivery?.messageId ?? "";
    const { sessionId } = edge;
    const claimed = await measure(0, () =>
      edge.asConnector<ClaimResponse>(claimPath, {
        connectorId: "test",
        claims: [{ messageId, sessionId, fence: 1 }],
      }),
    );
    const at = new Date().toISOString();
    const events = ["message.sent", "message.delivered", "message.read"].map((type, i) => ({
      id: `evt_${String(i + 1).padStart(26, "0")}`,
      type,
      seq: i + 2,
      sessionId,
      messageId,
      at,
    }));
    const reported = await measure(0, () => edge.asConnector(eventsPath, { connectorId: "test", events }));
    const checked = await measure(0, () => edge.api(`POST /v1/verifications/${id}/check`, { code }));
    return { create: created.use, claim: claimed.use, report: reported.use, check: checked.use };
  } finally {
    await edge.stop();
  }
}
