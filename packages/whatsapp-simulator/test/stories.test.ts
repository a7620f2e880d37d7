import { describe, expect, it } from "vitest";
import type { Simulator } from "../src/index.ts";
import { openPage, phoneOf } from "./support/page.ts";
import { linked, newWorld, sender, until, user } from "./support/world.ts";

const third = "+6281100000003";
const story = "status@broadcast";
const setting = [{ tag: "meta", attrs: { status_setting: "contacts" } }];
const lidOf = (simulator: Simulator, number: string) => `${simulator.phone(number).lid}@lid`;

describe("a story of a companion", () => {
  it("is shown on the phones of its audience and on no other, and their receipts name each viewer", async () => {
    const simulator = await newWorld();
    simulator.createPhone({ number: third, name: "Budi" });
    const session = await linked(simulator);
    const receipts: string[] = [];
    session.sock.ws.on("CB:receipt", ({ attrs }: { attrs: Record<string, string> }) => {
      receipts.push(`${attrs["from"]} ${attrs["participant"]} ${attrs["type"] ?? "delivered"}`);
    });
    const content = { extendedTextMessage: { text: "Open today", backgroundArgb: 0xff1fa855, font: 6 } };
    await session.sock.relayMessage(story, content, {
      messageId: "3EB0STORY1",
      statusJidList: [sender, user].map((number) => lidOf(simulator, number)),
      additionalNodes: setting,
    });
    const shown = await simulator.waitForMessage(user, ({ chat }) => chat === story);
    expect(shown).toMatchObject({
      id: "3EB0STORY1",
      from: sender,
      direction: "in",
      kind: "text",
      text: "Open today",
      background: "#1fa855",
      font: 6,
      encryption: "skmsg",
    });
    const viewer = lidOf(simulator, user);
    await until(() => receipts.includes(`${story} ${viewer} read`));
    expect(receipts).toContain(`${story} ${viewer} delivered`);
    await simulator.waitForMessage(sender, ({ chat, status }) => chat === story && status === "read");
    expect(simulator.messages(third)).toEqual([]);
    expect(session.complaints).toEqual([]);
  });

  it.each([
    [
      "names people by number",
      (simulator: Simulator) => `${simulator.phone(user).number.slice(1)}@s.whatsapp.net`,
      setting,
    ],
    ["says nothing of its setting", (simulator: Simulator) => lidOf(simulator, user), []],
  ])("that %s is refused", async (_name, jidOf, additionalNodes) => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const options = { messageId: "3EB0STORY2", statusJidList: [jidOf(simulator)], additionalNodes };
    await session.sock.relayMessage(story, { extendedTextMessage: { text: "Open" } }, options);
    expect(await session.ack("3EB0STORY2")).toMatchObject({ error: "479" });
    expect(simulator.messages(user)).toEqual([]);
  });

  it("is on the page apart from the chats, where nothing can be written", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const { page, complaints } = await openPage(simulator);
    await session.sock.relayMessage(
      story,
      { extendedTextMessage: { text: "Open today", backgroundArgb: 0xff1fa855 } },
      { messageId: "3EB0STORY3", statusJidList: [lidOf(simulator, user)], additionalNodes: setting },
    );
    const phone = phoneOf(page, "Ayu");
    await phone.getByRole("button", { name: "Stories" }).click();
    const bubble = phone.locator(".bubble", { hasText: "Open today" });
    await bubble.waitFor();
    expect(await bubble.getAttribute("style")).toContain("rgb(31, 168, 85)");
    expect(await phone.locator(".composer").isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });
});
