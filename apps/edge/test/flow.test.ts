import type { Pacing } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { flowOf } from "../src/flow.ts";

const about = { messageId: "msg_1", sessionId: "ses_1", expiresAt: "2026-11-21T08:00:00.000Z" };
const flow = (more: { lane: "otp" } | { lane: "bulk"; pacing: Pacing }) => {
  const headers = flowOf({ kind: "send", body: { ...about, ...more }, deduplicationId: "1" });
  return [headers["upstash-flow-control-key"], headers["upstash-flow-control-value"]];
};

describe("a job's flow at the queue", () => {
  it("bounds codes by how many are under way, and never by a rate", () => {
    expect(flow({ lane: "otp" })).toEqual(["send.otp.ses_1", "parallelism=64"]);
  });

  it.each<[Pacing, string]>([
    ["careful", "parallelism=8,rate=20,period=1m"],
    ["normal", "parallelism=8,rate=60,period=1m"],
    ["fast", "parallelism=8,rate=360,period=1m"],
    ["off", "parallelism=8"],
  ])("bounds texts of the pace %s by %s, apart from the session's codes", (pacing, value) => {
    expect(flow({ lane: "bulk", pacing })).toEqual(["send.bulk.ses_1", value]);
  });

  it("bounds the messages to one alert channel, as its target does", () => {
    const job = { kind: "delivery", body: { deliveryId: "dlv_1" }, deduplicationId: "1", flowKey: "alc_1" } as const;
    expect(flowOf(job)).toEqual({
      "upstash-flow-control-key": "alc_1",
      "upstash-flow-control-value": "rate=20, period=60s",
    });
  });

  it("does not limit the rate of session jobs and revocations", () => {
    expect(flowOf({ kind: "revoke", body: about, deduplicationId: "1" })).toEqual({});
  });
});
