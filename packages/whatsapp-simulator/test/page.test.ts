import { describe, expect, it } from "vitest";
import { pageFiles } from "../src/control/page.ts";
import { openPage, phoneOf } from "./support/page.ts";
import { client, linked, newWorld, sender, sendText, until, user, userJid } from "./support/world.ts";

describe("page", () => {
  it("shows a code live in a bubble, and sends the reply that is typed", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const { page, complaints } = await openPage(simulator);
    await sendText(session, userJid, "Your *Acme* code is 482913. Do not share it.");
    const ayu = phoneOf(page, "Ayu");
    const bubble = ayu.locator(".bubble.in");
    await bubble.waitFor();
    expect(await bubble.locator(".code").textContent()).toBe("482913");
    expect(await bubble.locator("strong").textContent()).toBe("Acme");
    await ayu.getByLabel("Message", { exact: true }).fill("thank you");
    await ayu.getByRole("button", { name: "Send" }).click();
    await ayu.locator(".bubble.out", { hasText: "thank you" }).waitFor();
    await session.message((message) => message.message?.conversation === "thank you");
    await phoneOf(page, "Sandi").locator(".bubble.out[data-status=read]").waitFor();
    expect(complaints).toEqual([]);
  });

  it("shows markup of strangers as text", async () => {
    const simulator = await newWorld();
    const { page, complaints } = await openPage(simulator);
    const text = `<img src=x onerror="document.title='owned'"> <b>1234</b>`;
    await simulator.send(sender, { to: user, text });
    const bubble = phoneOf(page, "Ayu").locator(".bubble.in");
    await bubble.waitFor();
    expect(await bubble.textContent()).toContain(text);
    expect(await bubble.locator("img, b").count()).toBe(0);
    expect(await page.title()).not.toBe("owned");
    expect(complaints).toEqual([]);
  });

  it("sets each line in the direction of its own first letter, and codes always from the left", async () => {
    const simulator = await newWorld();
    simulator.updatePhone(sender, { name: "علي" });
    const { page, complaints } = await openPage(simulator);
    const lines = ["رمزك هو 482-913.", "Your code is 482-913.", "", "آپ کا کوڈ 482913 ہے"];
    await simulator.send(sender, { to: user, text: lines.join("\n") });
    const bubble = phoneOf(page, "Ayu").locator(".bubble.in");
    await bubble.waitFor();
    expect(await bubble.locator(".line").allTextContents()).toEqual(lines);
    const isRightToLeft = await bubble
      .locator(".line")
      .evaluateAll((all) => all.map((one) => one.matches(":dir(rtl)")));
    expect(isRightToLeft).toEqual([true, false, false, true]);
    const chips = bubble.locator(".code");
    expect(await chips.evaluateAll((all) => all.map((one) => one.matches(":dir(ltr)")))).toEqual([true, true, true]);
    // In a line from right to left the words before the code stand to the right of it.
    const [whole, code] = await Promise.all([
      bubble.locator(".line").first().boundingBox(),
      chips.first().boundingBox(),
    ]);
    expect(code!.x - whole!.x).toBeLessThan(whole!.x + whole!.width - code!.x - code!.width);
    const heights = await bubble.locator(".line").evaluateAll((all) => all.map((line) => line.clientHeight));
    expect(Math.min(...heights)).toBeGreaterThan(10);
    expect(complaints).toEqual([]);
  });

  it("shows that a message was deleted, and that one was forwarded", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const { page, complaints } = await openPage(simulator);
    const sent = await session.sock.sendMessage(userJid, { text: "code 482913" });
    const bubble = phoneOf(page, "Ayu").locator(".bubble.in");
    await bubble.locator(".code").waitFor();
    await session.sock.sendMessage(userJid, { delete: sent!.key });
    await bubble.getByText("This message was deleted").waitFor();
    expect(await bubble.locator(".line, .code").count()).toBe(0);
    await simulator.send(user, { to: sender, text: "passed on", forwarded: true });
    await phoneOf(page, "Ayu").locator(".bubble.out", { hasText: "Forwarded" }).getByText("passed on").waitFor();
    await phoneOf(page, "Sandi").locator(".bubble.in", { hasText: "Forwarded" }).getByText("passed on").waitFor();
    expect(complaints).toEqual([]);
  });

  it("scans a QR, cuts the line and unlinks", async () => {
    const simulator = await newWorld();
    const { page } = await openPage(simulator);
    const pairing = client(simulator);
    const qr = await pairing.qr;
    await page.getByText("1 waiting to be scanned").waitFor();
    const phone = phoneOf(page, "Sandi");
    await phone.getByText("Link a device").click();
    await phone.getByLabel("Text of the QR").fill(qr);
    await phone.getByRole("button", { name: "Scan" }).click();
    await pairing.closed;
    const session = client(simulator, pairing.auth);
    await session.opened;
    await phone.getByRole("button", { name: "Cut the line" }).click();
    expect(await session.closed).toMatchObject({ code: 428 });
    const again = client(simulator, pairing.auth);
    await again.opened;
    await phone.getByRole("button", { name: "Unlink" }).click();
    expect(await again.closed).toMatchObject({ code: 401 });
  });

  it("scans at Enter, and keeps a line break for Shift+Enter", async () => {
    const simulator = await newWorld();
    const { page, complaints } = await openPage(simulator);
    const pairing = client(simulator);
    const qr = await pairing.qr;
    const phone = phoneOf(page, "Sandi");
    await phone.getByText("Link a device").click();
    const box = phone.getByLabel("Text of the QR");
    await box.press("Enter");
    expect(await box.inputValue()).toBe("");
    await box.fill(qr);
    await box.press("Shift+Enter");
    expect(await box.inputValue()).toBe(`${qr}\n`);
    await box.press("Enter");
    expect(await pairing.closed).toMatchObject({ code: 515 });
    await phone.getByText("Linked. The device logs in now.").waitFor();
    expect(complaints).toEqual([]);
  });

  it("goes offline and online, chooses receipts, and adds a phone", async () => {
    const simulator = await newWorld();
    const { page } = await openPage(simulator);
    const ayu = phoneOf(page, "Ayu");
    await ayu.getByText("Online").click();
    await until(() => !simulator.phone(user).online);
    await ayu.getByText("Offline. Messages wait.").waitFor();
    await ayu.getByText("Online").click();
    await until(() => simulator.phone(user).online);
    await ayu.getByText("delivered").click();
    await until(() => simulator.phone(user).receipts === "delivered");
    await page.locator("#add [name=number]").fill("+49 151 1234-5678");
    await page.locator("#add [name=name]").fill("Jürgen");
    await page.getByRole("button", { name: "Add it" }).click();
    await phoneOf(page, "Jürgen").waitFor();
    expect(simulator.phone("+4915112345678").name).toBe("Jürgen");
  });

  it("creates a group, and shows the groups that there are", async () => {
    const simulator = await newWorld();
    const { page, complaints } = await openPage(simulator);
    const form = page.locator("#add-group");
    await form.locator("[name=subject]").fill("Warung");
    await form.locator("[name=creator]").fill(user);
    await form.locator("[name=members]").fill(sender.replace("+6281", "+62 81-"));
    await form.getByRole("button", { name: "Create it" }).click();
    await form.getByText("Warung · 2 members").waitFor();
    expect(simulator.groups()).toMatchObject([
      { subject: "Warung", createdBy: user, participants: [{ number: user }, { number: sender }] },
    ]);
    simulator.updateGroup(user, simulator.groups()[0]!.id, { subject: "Pasar" });
    await form.getByText("Pasar · 2 members").waitFor();
    await page.reload();
    await form.getByText("Pasar · 2 members").waitFor();
    await form.locator("[name=subject]").fill("Nobody");
    await form.locator("[name=creator]").fill("+6281199999999");
    await form.getByRole("button", { name: "Create it" }).click();
    await form.getByText("no phone has the number").waitFor();
    expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
  });

  it("locks an account for new chats, says so, and lifts its limits", async () => {
    const simulator = await newWorld();
    const { page, complaints } = await openPage(simulator);
    await linked(simulator);
    const phone = phoneOf(page, "Sandi");
    const lock = phone.getByRole("button", { name: "Lock new chats for a minute" });
    expect(await lock.evaluate((button) => button.scrollWidth <= button.clientWidth)).toBe(true);
    await lock.click();
    await until(() => simulator.phone(sender).limits.lockedUntil !== null);
    await phone.getByText("No new chats until").waitFor();
    simulator.updatePhone(sender, { limits: { newChats: { total: 20, cycleMs: 60_000, used: 3 } } });
    await phone.getByText("3 of 20 new chats used.").waitFor();
    await phone.getByRole("button", { name: "Lift all limits" }).click();
    await until(() => simulator.phone(sender).limits.lockedUntil === null);
    await phone.getByText("new chats used").waitFor({ state: "hidden" });
    expect(await phoneOf(page, "Ayu").locator(".limits").isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });

  it("says what is wrong with an input", async () => {
    const simulator = await newWorld();
    const { page } = await openPage(simulator);
    await page.locator("#add [name=number]").fill("nope");
    await page.getByRole("button", { name: "Add it" }).click();
    const said = page.locator("#add .said", { hasText: "must be" });
    await said.waitFor();
    expect(await said.textContent()).toContain("number: must be a phone number");
  });

  it("allows nothing from elsewhere, and no inline script", async () => {
    const simulator = await newWorld();
    const response = await fetch(simulator.httpUrl);
    const policy = response.headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    for (const { path: file } of pageFiles) {
      const text = await (await fetch(simulator.httpUrl + file)).text();
      expect(text).not.toMatch(/(src|href|url\()\s*=?\s*["']?https?:/);
      expect(text).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write/);
    }
  });
});
