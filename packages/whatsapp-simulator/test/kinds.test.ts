import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import type { BinaryNode, proto } from "@whiskeysockets/baileys";
import { describe, expect, it } from "vitest";
import type { SendMessage } from "../src/index.ts";
import type { Client } from "./support/client.ts";
import { linked, newWorld, sender, user, userJid } from "./support/world.ts";

const buttons: proto.IMessage = {
  interactiveMessage: {
    body: { text: "Shall we?" },
    nativeFlowMessage: {
      buttons: [{ name: "quick_reply", buttonParamsJson: JSON.stringify({ display_text: "Yes", id: "yes" }) }],
    },
  },
};
const node = (tag: string, attrs: BinaryNode["attrs"] = {}, content: BinaryNode[] = []) => ({ tag, attrs, content });
const flow = node("interactive", { type: "native_flow", v: "1" }, [node("native_flow", { v: "9", name: "mixed" })]);

const relay = (session: Client, message: proto.IMessage, messageId: string, nodes: BinaryNode[] = []) =>
  session.sock.relayMessage(userJid, message, { messageId, additionalNodes: nodes });

describe("buttons of businesses", () => {
  it.each<[string, BinaryNode[], string]>([
    ["the node of former buttons", [node("biz", {}, [node("buttons")])], "405"],
    ["half of the node", [node("biz", {}, [node("interactive", { type: "native_flow", v: "1" })])], "479"],
    ["the node without its decision", [node("biz", {}, [flow])], "479"],
  ])("are refused with %s", async (_name, nodes, error) => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await relay(session, buttons, "3EB0A1", nodes);
    expect((await session.ack("3EB0A1"))["error"]).toBe(error);
    expect(simulator.messages(user)).toEqual([]);
  });

  it("are accepted without the node, and no phone shows them", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await relay(session, buttons, "3EB0A1");
    expect((await session.ack("3EB0A1"))["error"]).toBeUndefined();
    await relay(session, { conversation: "after" }, "3EB0A2");
    await simulator.waitForMessage(user, ({ text }) => text === "after");
    expect(simulator.messages(user).map(({ text }) => text)).toEqual(["after"]);
  });

  it("are shown with the whole node, and a tap is an answer to them", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await relay(session, buttons, "3EB0A1", [node("biz", {}, [flow, node("quality_control", { decision_id: "1" })])]);
    const shown = await simulator.waitForMessage(user, ({ kind }) => kind === "buttons");
    expect(shown).toMatchObject({ text: "Shall we?", buttons: [{ id: "yes", text: "Yes" }] });
    await simulator.send(user, { to: sender, type: "reply", id: "yes", text: "Yes", quotedMessageId: shown.id });
    const { message } = await session.message((each) => Boolean(each.message?.interactiveResponseMessage));
    const { contextInfo, nativeFlowResponseMessage } = message.message?.interactiveResponseMessage ?? {};
    expect(JSON.parse(nativeFlowResponseMessage?.paramsJson ?? "")).toEqual({ id: "yes" });
    expect(contextInfo?.stanzaId).toBe("3EB0A1");
  });
});

describe("what a person writes", () => {
  it("quotes a message of the chat and names people, as clients do", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await relay(session, { conversation: "Which order?" }, "3EB0A1");
    await simulator.waitForMessage(user, ({ text }) => text === "Which order?");
    const about = { quotedMessageId: "3EB0A1", mentions: [sender] };
    const written = await simulator.send(user, { to: sender, text: "42", ...about });
    expect(written).toMatchObject({ quoted: { id: "3EB0A1", from: sender, text: "Which order?" }, mentions: [sender] });
    const { message } = await session.message((each) => each.message?.extendedTextMessage?.text === "42");
    expect(message.message?.extendedTextMessage?.contextInfo).toMatchObject({
      stanzaId: "3EB0A1",
      quotedMessage: { conversation: "Which order?" },
      mentionedJid: [`${sender.slice(1)}@s.whatsapp.net`],
    });
    expect(message.message?.messageContextInfo?.messageSecret).toHaveLength(32);
  });

  it("cannot quote what is not in the chat", async () => {
    const simulator = await newWorld();
    const unknown: SendMessage = { to: sender, text: "x", quotedMessageId: "3EB0FF" };
    await expect(simulator.send(user, unknown)).rejects.toMatchObject({ code: "message_not_found" });
  });

  it("goes out as a poll, and arrives in the same way when it has to be repeated", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const stanzas: BinaryNode[] = [];
    session.sock.ws.on("CB:message", (stanza: BinaryNode) => stanzas.push(stanza));
    const poll: SendMessage = { to: sender, type: "poll", question: "When?", options: ["Now", "Later"] };
    simulator.setFault({ kind: "corrupt-to-companion", number: sender, times: 1 });
    await simulator.send(user, poll);
    const { message } = await session.message((each) => Boolean(each.message?.pollCreationMessageV3));
    expect(message.message?.messageContextInfo?.messageSecret).toHaveLength(32);
    expect(stanzas).toHaveLength(2);
    for (const { attrs, content } of stanzas) {
      expect(attrs["type"]).toBe("poll");
      expect(content).toContainEqual({ tag: "meta", attrs: { polltype: "creation" } });
    }
  });
});

it("keeps what was written over a restart, so that it can be quoted and repeated", async () => {
  const stateFile = `${await mkdtemp(`${tmpdir()}/sandi-simulator-`)}/state.json`;
  const first = await newWorld({ stateFile });
  const contacts = [{ name: "Ayu", phones: [{ number: user }] }];
  const { id } = await first.send(user, { to: sender, type: "contacts", contacts });
  await first.close();
  const second = await newWorld({ stateFile });
  expect(second.messages(user)).toMatchObject([{ kind: "contacts", text: "Ayu", contacts }]);
  const reply = await second.send(user, { to: sender, text: "her", quotedMessageId: id });
  expect(reply).toMatchObject({ quoted: { id, from: user, text: "Ayu" } });
});
