import { Agent, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deliverPath, eventsPath } from "@sandi/contracts";
import { type Dependency, startTestEdge, type TestEdge } from "../src/edge.ts";

const megabyte = `[${Array.from({ length: 349_000 }, () => "{}").join(",")}]`;

describe("the Worker, called without a valid key", () => {
  let edge: TestEdge;
  const asked: Dependency[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });

  beforeAll(async () => {
    edge = await startTestEdge({ onSubrequest: (dependency) => void asked.push(dependency) });
  });
  afterAll(async () => {
    agent.destroy();
    await edge.stop();
  });

  const post = (path: string, body: string, headers: Record<string, string>) =>
    new Promise<{ status: number | undefined; isReused: boolean }>((resolve, reject) => {
      const sending = request(edge.url + path, { method: "POST", agent, headers }, (response) => {
        response.resume().on("end", () => {
          resolve({
            status: response.statusCode,
            isReused: sending.reusedSocket,
          });
        });
      }).on("error", reject);
      sending.end(body);
    });

  it.each([
    [eventsPath, {}],
    [eventsPath, { authorization: "Bearer a.b.c" }],
    [deliverPath, {}],
    ["/v1/hooks/supabase/hook_01jd3k9v7hq2w8x5n4b6m0c1ta", {}],
    ["/v1/verifications", {}],
  ])("answers a megabyte at %s (%j) with 401 and no subrequest, and what follows as ever", async (path, more) => {
    const headers = { "content-type": "application/json", ...more };
    asked.length = 0;
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await post(path, megabyte, headers));
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401]);
    expect(asked).toEqual([]);
    const { status } = await post("/v1/verifications", "{", {
      "content-type": "application/json ; charset=utf-8",
      authorization: `Bearer ${edge.apiKey}`,
    });
    expect(status).toBe(400);
  });

  it("keeps the connection of a client whose small body it has not read", async () => {
    const headers = { "content-type": "application/json" };
    await post(eventsPath, "{}", headers);
    for (const path of [eventsPath, deliverPath, "/v1/verifications"]) {
      expect(await post(path, "{}".padEnd(4_096), headers)).toEqual({ status: 401, isReused: true });
    }
  });
});
