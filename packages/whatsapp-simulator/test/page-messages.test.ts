import { describe, expect, it } from "vitest";
import type { SendMessage, Simulator } from "../src/index.ts";
import { openPage, phoneOf } from "./support/page.ts";
import { newWorld, sender, user } from "./support/world.ts";

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const data = png.toString("base64");

const isLoaded = (image: unknown) => (image as { naturalWidth: number }).naturalWidth === 1;

/** A message from Ayu's phone, after Sandi's shows it. */
async function toSandi(simulator: Simulator, message: Record<string, unknown>): Promise<string> {
  const { id } = await simulator.send(user, { to: sender, ...message } as SendMessage);
  await simulator.waitForMessage(sender, (each) => each.id === id);
  return id;
}

describe("messages on the page", () => {
  it("show pictures, documents, voice messages and stickers, and say why one cannot be opened", async () => {
    const simulator = await newWorld();
    const { page, complaints } = await openPage(simulator);
    const sandi = phoneOf(page, "Sandi");
    await toSandi(simulator, { type: "image", data, mimeType: "image/png", caption: "code 4821", width: 4, height: 3 });
    const picture = sandi.locator(".of-image img");
    await picture.waitFor();
    await page.waitForFunction(isLoaded, await picture.elementHandle());
    expect(await sandi.locator(".of-image .code").textContent()).toBe("4821");
    const file = { type: "document", data, fileName: "invoice.pdf", mimeType: "application/pdf" };
    await toSandi(simulator, file);
    const link = sandi.locator(".of-document a");
    expect(await link.innerText()).toMatch(/PDF\s+invoice\.pdf\s+70 B/);
    expect(await link.getAttribute("download")).toBe("invoice.pdf");
    await toSandi(simulator, { type: "voice", data, seconds: 65, waveform: [0, 100] });
    await sandi.locator(".of-voice").getByText("1:05").waitFor();
    const heights = await sandi.locator(".wave i").evaluateAll((bars) => bars.map((bar) => bar.clientHeight));
    expect(heights.at(-1)).toBeGreaterThan(heights[0]! * 3);
    await toSandi(simulator, { type: "sticker", data, mimeType: "image/png" });
    await sandi.locator(".of-sticker img").waitFor();
    simulator.setFault({ kind: "media-error", status: 410, by: "phone" });
    await toSandi(simulator, { type: "video", data, caption: "gone" });
    await sandi.getByText("Video cannot be opened: the media host answered 410").waitFor();
    expect(complaints).toEqual([]);
  });

  it("keep a file that plays when something else of the message changes", async () => {
    const simulator = await newWorld();
    const { page } = await openPage(simulator);
    const id = await toSandi(simulator, { type: "voice", data, seconds: 3 });
    const player = phoneOf(page, "Sandi").locator(".of-voice .player");
    await player.evaluate((element) => element.setAttribute("data-same", ""));
    await simulator.send(user, { to: sender, reactTo: id, emoji: "👍" });
    await phoneOf(page, "Sandi").locator(".of-voice .reaction").waitFor();
    expect(await player.getAttribute("data-same")).toBe("");
    expect(await phoneOf(page, "Sandi").locator(".of-voice .meta").count()).toBe(1);
  });

  it("keep a view-once picture hidden until it is tapped, once", async () => {
    const simulator = await newWorld();
    const { page, complaints } = await openPage(simulator);
    await toSandi(simulator, { type: "image", data, mimeType: "image/png", isViewOnce: true });
    const bubble = phoneOf(page, "Sandi").locator(".of-image");
    await bubble.getByRole("button", { name: "1 Photo" }).click();
    await bubble.locator("img").waitFor();
    simulator.updatePhone(sender, { name: "Sandi Bakery" });
    await page.reload();
    await bubble.getByRole("button").first().waitFor();
    expect(await bubble.locator("img").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it("show a location, contacts and an event as cards", async () => {
    const simulator = await newWorld();
    const { page, complaints } = await openPage(simulator);
    const sandi = phoneOf(page, "Sandi");
    await toSandi(simulator, {
      type: "location",
      latitude: -6.5,
      longitude: 106.75,
      name: "Monas",
      address: "Jakarta",
    });
    expect(await sandi.locator(".of-location .about").innerText()).toBe("Monas\nJakarta");
    const contacts = [
      { name: "Dewi <b>", phones: [{ number: "+628123456789", label: "work" }], email: "d@example.com" },
    ];
    await toSandi(simulator, { type: "contacts", contacts });
    const card = sandi.locator(".of-contacts .about");
    expect(await card.innerText()).toBe("Dewi <b>\n+628123456789 · work\nd@example.com");
    const event = { type: "event", name: "Dinner", startAt: "2030-12-04T12:30:00.000Z", location: { name: "Warung" } };
    await toSandi(simulator, event);
    expect(await sandi.locator(".of-event").innerText()).toMatch(/DEC\s+4\s+Dinner[\s\S]*Warung/);
    expect(complaints).toEqual([]);
  });

  it("take votes, and count them", async () => {
    const simulator = await newWorld();
    const { page, complaints } = await openPage(simulator);
    const options = ["Nasi", "Mie"];
    const id = await toSandi(simulator, { type: "poll", question: "Lunch?", options, maxSelections: 1 });
    const row = (name: string, option: string) => phoneOf(page, name).getByRole("button", { name: option });
    await row("Sandi", "Nasi").click();
    await page.locator(".option[aria-pressed=true]").waitFor();
    await simulator.waitForMessage(user, ({ votes }) => votes?.[0]?.options[0] === "Nasi");
    await row("Ayu", "Nasi").click();
    await phoneOf(page, "Sandi").locator(".option", { hasText: "Nasi" }).locator(".count", { hasText: "2" }).waitFor();
    await row("Sandi", "Mie").click();
    const voted = await simulator.waitForMessage(user, ({ votes = [] }) =>
      votes.some((vote) => vote.options[0] === "Mie"),
    );
    expect(voted).toMatchObject({
      id,
      votes: [
        { from: user, options: ["Nasi"] },
        { from: sender, options: ["Mie"] },
      ],
    });
    await row("Sandi", "Mie").click();
    await simulator.waitForMessage(user, ({ votes }) => votes?.length === 1);
    expect(complaints).toEqual([]);
  });

  it("are answered by a tap on a button, and on a row of a list", async () => {
    const simulator = await newWorld();
    const { page, complaints } = await openPage(simulator);
    const sandi = phoneOf(page, "Sandi");
    const buttons = [{ id: "yes", text: "Yes, please" }];
    const asked = await toSandi(simulator, { type: "buttons", text: "Deliver?", footer: "Warung", buttons });
    expect(await phoneOf(page, "Ayu").getByRole("button", { name: "Yes, please" }).isDisabled()).toBe(true);
    await sandi.getByRole("button", { name: "Yes, please" }).click();
    const tapped = await simulator.waitForMessage(user, ({ kind }) => kind === "reply");
    expect(tapped).toMatchObject({ kind: "reply", id: expect.any(String), text: "Yes, please", quoted: { id: asked } });
    const sections = [{ title: "Morning", rows: [{ id: "9", title: "09:00", description: "free" }] }];
    await toSandi(simulator, { type: "list", text: "When?", buttonText: "Times", sections });
    await sandi.getByText("Times").click();
    await sandi.getByRole("button", { name: "09:00" }).click();
    await simulator.waitForMessage(user, ({ text }) => text === "09:00");
    expect(complaints).toEqual([]);
  });

  it("take reactions, replies, edits, pins, stars and deletions from their menu", async () => {
    const simulator = await newWorld();
    const { page, complaints } = await openPage(simulator);
    const id = await toSandi(simulator, { text: "at one?" });
    const [sandi, ayu] = [phoneOf(page, "Sandi"), phoneOf(page, "Ayu")];
    const choose = async (bubble: ReturnType<typeof sandi.locator>, name: string) => {
      await bubble.hover();
      await bubble.getByRole("button", { name: "What to do with this message" }).click();
      await page.locator(".menu").getByRole("button", { name }).click();
    };
    await choose(sandi.locator(".bubble.in"), "React with 👍");
    await ayu.locator(".reaction", { hasText: "👍" }).waitFor();
    await sandi.locator(".reaction").click();
    await ayu.locator(".reaction").waitFor({ state: "detached" });
    await choose(sandi.locator(".bubble.in"), "Reply");
    await sandi.getByLabel("Message", { exact: true }).fill("yes");
    await sandi.getByRole("button", { name: "Send" }).click();
    await ayu.locator(".bubble.in .quote", { hasText: "at one?" }).waitFor();
    await choose(ayu.locator(".bubble.out"), "Edit");
    await ayu.getByLabel("Message", { exact: true }).fill("at two?");
    await ayu.getByRole("button", { name: "Send" }).click();
    await sandi.locator(".bubble.in", { hasText: "edited" }).getByText("at two?").waitFor();
    await choose(ayu.locator(".bubble.out"), "Pin");
    await sandi.locator(".bubble.in .pinned").waitFor();
    await choose(ayu.locator(".bubble.out"), "Delete for everyone");
    await sandi.getByText("This message was deleted").waitFor();
    expect(simulator.messages(sender)[0]).toMatchObject({ id, kind: "revoked" });
    await choose(sandi.locator(".bubble.out"), "Star");
    await sandi.locator(".bubble.out .starred").waitFor();
    await choose(sandi.locator(".bubble.out"), "Delete for me");
    await sandi.locator(".bubble.out").waitFor({ state: "detached" });
    expect(await ayu.locator(".bubble.in").count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  it("are written with a file, and into a group, where each author has a name", async () => {
    const simulator = await newWorld();
    const { page, complaints } = await openPage(simulator);
    const ayu = phoneOf(page, "Ayu");
    const group = simulator.createGroup(user, { subject: "Warung", participants: [sender] });
    await ayu.getByRole("button", { name: "Warung" }).click();
    await ayu.getByLabel("Message", { exact: true }).fill("look");
    await ayu.getByLabel("Attach a file").setInputFiles({ name: "a.png", mimeType: "image/png", buffer: png });
    const shown = await simulator.waitForMessage(sender, ({ kind }) => kind === "image");
    expect(shown).toMatchObject({
      chat: group.id,
      caption: "look",
      media: { mimeType: "image/png", width: 1, height: 1 },
    });
    const bubble = phoneOf(page, "Sandi").locator(".of-image");
    await bubble.locator(".author", { hasText: "Ayu" }).waitFor();
    await simulator.send(user, { to: group.id, text: "@6281100000001 you?", mentions: [sender] });
    await phoneOf(page, "Sandi").locator(".mention", { hasText: "@Sandi" }).waitFor();
    expect(complaints).toEqual([]);
  });

  it.each(["light", "dark"] as const)("fit a phone's width, in %s", async (colorScheme) => {
    const simulator = await newWorld();
    await toSandi(simulator, { type: "poll", question: "Lunch?", options: ["A".repeat(100), "Mie"] });
    await toSandi(simulator, { type: "document", data, fileName: `${"long".repeat(30)}.pdf` });
    await toSandi(simulator, { type: "voice", data, seconds: 3 });
    const { page } = await openPage(simulator, { colorScheme, viewport: { width: 320, height: 640 } });
    const list = phoneOf(page, "Sandi").locator(".messages");
    await list.locator(".of-voice").waitFor();
    expect(await list.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
  });
});
