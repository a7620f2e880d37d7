import { describe, expect, it } from "vitest";
import { z } from "zod";
import { laneHeader, QueuedSendJob, readSendJob, type SendJob, writtenSendJob } from "../src/index.ts";

const about = {
  messageId: "msg_01jd3k9v7hq2w8x5n4b6m0c1ta",
  sessionId: "ses_01jd3k9v7hq2w8x5n4b6m0c1ta",
  expiresAt: "2026-11-21T08:00:00.000Z",
};
const jobs: SendJob[] = [
  { ...about, lane: "otp" },
  { ...about, lane: "normal", pacing: "fast" },
  { ...about, lane: "bulk", pacing: "careful" },
];
/** As connectors knew it before there were single messages. */
const fields = { messageId: z.string(), sessionId: z.string(), expiresAt: z.string() };
const former = z.discriminatedUnion("lane", [
  z.strictObject({ ...fields, lane: z.literal("otp") }),
  z.strictObject({ ...fields, lane: z.literal("bulk"), pacing: z.enum(["careful", "normal", "fast", "off"]) }),
]);

describe("the job of a message", () => {
  it.each(jobs)("of the lane $lane is read as it was written", (job) => {
    const { body, headers } = writtenSendJob(job);
    expect(readSendJob(QueuedSendJob.parse(body), headers[laneHeader])).toEqual(job);
  });

  it.each(jobs)("of the lane $lane is accepted by former connectors", (job) => {
    expect(former.safeParse(writtenSendJob(job).body).success).toBe(true);
  });

  it("of a former edge has no header, and no header makes a code wait for its turn", () => {
    const [code, , bulk] = jobs as [SendJob, SendJob, SendJob];
    expect(readSendJob(bulk, undefined)).toEqual(bulk);
    expect(readSendJob(code, "normal")).toEqual(code);
    expect(QueuedSendJob.parse(about)).toEqual(code);
  });
});
