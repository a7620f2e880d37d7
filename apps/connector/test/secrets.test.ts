import { afterEach, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { type Rig, startRig } from "./support/rig.ts";
import { knownSecrets, leaksIn } from "./support/secrets.ts";

const [own, user] = ["+6281200000001", "+6281300000001"] as const;
let rig: Rig;
afterEach(() => rig.close());

test("the check of every test's log knows the keys, codes, texts and names of this very run", async () => {
  rig = await startRig();
  rig.simulator.createPhone({ number: user, receipts: "read" });
  const sessionId = await rig.pair(own);
  await rig.send(sessionId, { to: user, code: "739155" });
  await rig.send(sessionId, { to: user, text: "a long private text" });
  await until("both are there", () => rig.simulator.messages(user).length === 2);
  const secrets = await knownSecrets(rig);
  const printed = [
    "739155",
    "a long private text",
    user.slice(1),
    rig.simulator.phone(user).lid,
    rig.environment["STORE_KEYS"]!,
    rig.environment["CONNECTOR_SEAL_PRIVATE_KEY"]!,
    `to ${own.slice(1)}:1@s.whatsapp.net`,
    "Closing session: SessionEntry",
  ];
  for (const text of printed) expect([text, leaksIn(`{"msg":"${text}"}`, secrets).length > 0]).toEqual([text, true]);
  expect(secrets.size).toBeGreaterThan(200);
  expect(leaksIn(rig.log.join(""), secrets)).toEqual([]);
  expect(rig.log.join("")).toContain('"msg":"sent"');
});
