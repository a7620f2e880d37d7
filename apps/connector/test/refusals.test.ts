import { expect, test } from "vitest";
import type { WhatsAppSocket } from "../src/baileys/socket.ts";
import { SignatureRefused } from "../src/baileys/patches/verify-signatures.ts";
import type { SendTelemetry } from "../src/jobs/send-telemetry.ts";
import type { OnlineSession } from "../src/jobs/resolve-session.ts";
import { retryAfterPause, retryAt, transmit } from "../src/jobs/transmit.ts";
import type { Ack } from "../src/session/acks.ts";

const now = new Date(1_000_000);
const inSeconds = (seconds: number) => new Date(now.getTime() + seconds * 1000);

interface World {
  ack?: Ack;
  attempt?: number;
  /** Whether the account's limits explain a 463. */
  isExplained?: boolean;
  sending?: () => Promise<void>;
  isOnline?: boolean;
  chat?: string;
  /** The recipient's other jid. */
  other?: string;
  isSecondForm?: boolean;
}

/** Sends one message; answers how it ended, and what was done about it. */
async function sent(world: World) {
  const { ack, attempt = 1, isExplained = false, sending, isOnline = true, chat = "c", isSecondForm = false } = world;
  const did: string[] = [];
  const socket = {
    send: sending ?? (async () => undefined),
    otherJidOf: async () => world.other ?? null,
  } as unknown as WhatsAppSocket;
  const live = {
    online: () => (isOnline ? socket : null),
    connection: {
      awaitAck: () => ({ within: async () => ack, cancel: () => void did.push("cancelled") }),
      forgetDevices: (of: string) => void did.push(`devices of ${of}`),
    },
    sending: {
      reads: {
        async refused() {
          did.push("limits asked");
          return isExplained;
        },
      },
    },
  };
  const permit = {
    sent: () => void did.push("sent"),
    refused: (reason: string, person: string) => void did.push(`${reason} ${person}`),
    leave: () => undefined,
  };
  const telemetry = { attempt, timed: (_stage: string, work: () => unknown) => work() } as unknown as SendTelemetry;
  const message = { chat, waId: "W1", message: {}, nodes: [], telemetry, ackTimeoutMs: 1, isSecondForm };
  const outcome = await transmit({ live, socket } as unknown as OnlineSession, permit, message).catch(String);
  await new Promise((resolve) => setImmediate(resolve));
  return [typeof outcome === "object" ? `to ${outcome.other}` : outcome, ...did];
}

test.each<[string, World, string[]]>([
  ["is taken", { ack: { type: "sent" } }, ["sent", "sent"]],
  ["is not answered", { ack: { type: "unknown" } }, ["Error: WhatsApp did not acknowledge the message"]],
  ["is too much", { ack: { type: "refused", error: "429" } }, ["paused", "rate c"]],
  ["is forbidden", { ack: { type: "refused", error: "403" } }, ["account_restricted", "forbidden c"]],
  ["is not authorised", { ack: { type: "refused", error: "401" } }, ["account_restricted", "forbidden c"]],
  ["is refused without a reason", { ack: { type: "refused", error: "475" } }, ["refused", "unexplained c"]],
  [
    "opens a chat that the account may not open",
    { ack: { type: "refused", error: "463" }, isExplained: true },
    ["new_chats_locked", "limits asked"],
  ],
  [
    "opens a chat, and no limit explains the refusal",
    { ack: { type: "refused", error: "463" } },
    ["new_chats_locked", "limits asked", "unexplained c"],
  ],
  [
    "goes to a number whose contact has moved to a hidden id",
    { ack: { type: "refused", error: "463" }, other: "1@lid" },
    ["to 1@lid", "limits asked"],
  ],
  [
    "goes to a number, and the account's limits explain the refusal",
    { ack: { type: "refused", error: "463" }, other: "1@lid", isExplained: true },
    ["new_chats_locked", "limits asked", "limits asked"],
  ],
  [
    "goes to a hidden id whose contact has not moved there",
    { ack: { type: "refused", error: "400" }, chat: "1@lid", other: "c" },
    ["to c"],
  ],
  [
    "is refused at the second address as well",
    { ack: { type: "refused", error: "400" }, chat: "1@lid", other: "c", isSecondForm: true },
    ["refused", "unexplained 1@lid"],
  ],
  [
    "goes to a device that no longer exists",
    { ack: { type: "refused", error: "479" } },
    ["Error: WhatsApp has newer devices of the recipient", "devices of c"],
  ],
  ["does so again", { ack: { type: "refused", error: "479" }, attempt: 2 }, ["refused", "unexplained c"]],
  [
    "is for keys whose signature does not hold",
    { sending: () => Promise.reject(new SignatureRefused("no")) },
    ["undeliverable", "cancelled"],
  ],
  ["cannot be encrypted", { sending: () => Promise.reject(new Error("no")), attempt: 4 }, ["Error: no", "cancelled"]],
  [
    "cannot be encrypted for the fifth time",
    { sending: () => Promise.reject(new Error("no")), attempt: 5 },
    ["undeliverable", "cancelled"],
  ],
  [
    "loses its line for the fifth time",
    { sending: () => Promise.reject(new Error("no")), attempt: 5, isOnline: false },
    ["Error: no", "cancelled"],
  ],
])("a message that %s", async (_what, world, ended) => {
  expect(await sent(world)).toEqual(ended);
});

test.each([
  [0, 60],
  [0.5, 65],
  [0.9999, 70],
])("messages that waited for a pause come back spread over ten seconds (%d)", (chance, seconds) => {
  const services = { now: () => now, chance: () => chance };
  const held = retryAfterPause(services, { expiresAt: inSeconds(600).toISOString() }, inSeconds(60));
  expect(held).toEqual({ status: "later", retryAfterSeconds: seconds, why: "sending is paused" });
});

test("and before they expire, and one that would expire fails", () => {
  const services = { now: () => now, chance: () => 0.9999 };
  const job = (seconds: number) => ({ expiresAt: inSeconds(seconds).toISOString() });
  expect(retryAfterPause(services, job(62), inSeconds(60))).toMatchObject({ retryAfterSeconds: 62 });
  expect(retryAfterPause(services, job(60), inSeconds(60))).toEqual({ failure: "account_restricted" });
});

test("a message whose turn is later comes back just before it", () => {
  expect(retryAt({ now: () => now }, new Date(now.getTime() + 12_900))).toMatchObject({ retryAfterSeconds: 12 });
});
