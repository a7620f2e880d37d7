import { expect, it } from "vitest";
import { legsOf } from "../src/bench/legs.ts";

const line = (messageId: string, took: object, outcome = "sent") =>
  `connector ${JSON.stringify({ messageId, outcome, ...took })}`;

it("takes the legs of a message from its load and from the connector's lines", () => {
  const report = {
    messageIds: ["msg_a", "msg_b"],
    uploaded: [40, 50],
    accepted: [5, 7],
    onPhone: [90, 100],
    seconds: 1,
  };
  const lines = [
    line("msg_a", { queueMs: 1, claimMs: 2, fetchFileMs: 30, uploadFileMs: 20, ackMs: 3 }),
    line("msg_b", { queueMs: 3, claimMs: 4, fetchFileMs: 32, uploadFileMs: 22, ackMs: 5 }),
    line("msg_b", { queueMs: 900 }, "busy"),
    line("msg_of_another_load", { queueMs: 900 }),
    "edge {}",
  ];
  expect(legsOf(report, { lines, fileBytes: 100, stored: 130 })).toEqual([
    { leg: "uploaded to the edge", bytes: 100, p50: 50, p95: 50 },
    { leg: "stored at the edge, sealed", bytes: 130 },
    { leg: "accepted", p50: 7, p95: 7 },
    { leg: "until the connector has the job", p50: 3, p95: 3 },
    { leg: "claimed at the edge", p50: 4, p95: 4 },
    { leg: "read at the edge, encrypted", bytes: 100, p50: 32, p95: 32 },
    // 112 bytes of AES-CBC, and 10 of the MAC.
    { leg: "uploaded to WhatsApp", bytes: 122, p50: 22, p95: 22 },
    { leg: "sent until WhatsApp's ack", p50: 5, p95: 5 },
    { leg: "on the phone, of all", p50: 100, p95: 100 },
  ]);
});

it("has no legs of a file for a text", () => {
  const report = { messageIds: ["msg_a"], uploaded: [], accepted: [5], onPhone: [9], seconds: 1 };
  const legs = legsOf(report, {
    lines: [line("msg_a", { queueMs: 1, claimMs: 2, ackMs: 3 })],
    fileBytes: undefined,
    stored: 0,
  });
  expect(legs.map(({ leg }) => leg)).toEqual([
    "accepted",
    "until the connector has the job",
    "claimed at the edge",
    "sent until WhatsApp's ack",
    "on the phone, of all",
  ]);
});
