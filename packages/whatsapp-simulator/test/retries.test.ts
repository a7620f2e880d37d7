import { proto } from "@whiskeysockets/baileys";
import { describe, expect, it } from "vitest";
import { textOf } from "./support/client.ts";
import { linked, newWorld, sender, sendText, until, user, userJid } from "./support/world.ts";

const read = 4;

describe("retries", () => {
  it("makes a phone that cannot decrypt ask again, and Baileys sends it again", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "corrupt-to-phone", number: user, times: 1 });
    const id = await sendText(session, userJid, "try again");
    expect(await session.status(id, read)).toBe(read);
    expect(simulator.messages(user).map(({ text }) => text)).toEqual(["try again"]);
    expect(simulator.stats()).toMatchObject({ retriesAsked: 1, undecryptable: 0 });
  });

  it("sends keys with the second request, and still gets the message", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "corrupt-to-phone", number: user, times: 2 });
    const id = await sendText(session, userJid, "third time lucky");
    expect(await session.status(id, read)).toBe(read);
    expect(simulator.stats()).toMatchObject({ retriesAsked: 2, undecryptable: 0 });
  });

  it("asks for the own copy of what its companion sent, and gets it", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "corrupt-to-phone", number: sender, times: 1 });
    const id = await sendText(session, userJid, "copy me");
    await simulator.waitForMessage(sender, (message) => message.id === id);
    expect(simulator.messages(user)).toHaveLength(1);
    expect(simulator.stats()).toMatchObject({ retriesAsked: 1, undecryptable: 0 });
  });

  it("passes a retry on between two companions", async () => {
    const simulator = await newWorld();
    // Baileys' own cache knows the message by the user, not by the device that asks.
    const text = "from client to client";
    const getMessage = async () => proto.Message.create({ conversation: text });
    const [one, two] = [await linked(simulator, sender, { getMessage }), await linked(simulator, user)];
    simulator.setFault({ kind: "corrupt-to-companion", number: user, times: 1 });
    await sendText(one, userJid, text);
    await two.message((message) => textOf(message) === text);
    expect(simulator.messages(user)).toHaveLength(1);
  });

  it("gives up after five requests", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "corrupt-to-phone", number: user });
    await sendText(session, userJid, "never");
    await until(() => simulator.stats().retriesAsked >= 3);
    expect(simulator.messages(user)).toEqual([]);
  });

  it("makes Baileys ask again for what arrives damaged, and the phone encrypts it again", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "corrupt-to-companion", number: sender, times: 1 });
    await simulator.send(user, { to: sender, text: "damaged once" });
    await session.message((message) => textOf(message) === "damaged once");
    expect(simulator.stats().retriesServed).toBe(1);
  });

  it("heals a companion that lost its Signal sessions", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await simulator.send(user, { to: sender, text: "first" });
    await session.message((message) => textOf(message) === "first");
    await sendText(session, userJid, "settled");
    await simulator.waitForMessage(user, ({ text }) => text === "settled");
    await session.sock.authState.keys.set({ session: { [`${simulator.phone(user).lid}_1.0`]: null } });
    await simulator.send(user, { to: sender, text: "second" });
    await session.message((message) => textOf(message) === "second");
    expect(simulator.stats().retriesServed).toBeGreaterThanOrEqual(1);
  });

  it("survives a message that overtakes another", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await simulator.send(user, { to: sender, text: "0" });
    simulator.setFault({ kind: "reorder", number: sender, times: 1 });
    for (const text of ["1", "2", "3"]) await simulator.send(user, { to: sender, text });
    await session.message((message) => textOf(message) === "3");
    const texts = session.messages.flatMap(({ message }) => textOf(message) ?? []);
    expect(texts).toEqual(["0", "2", "1", "3"]);
    expect(simulator.stats().retriesServed).toBe(0);
    expect(session.complaints).toEqual([]);
  });
});
