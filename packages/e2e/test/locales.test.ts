import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Locale, locales } from "@sandi/contracts";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestStack, type TestStack } from "../src/harness.ts";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const fromTheRight = new Set<Locale>(["ar", "ur"]);
const bind = { amount: "IDR 150,000", payee: "Toko Makmur" };
const looks = [
  { colorScheme: "light", viewport: { width: 1280, height: 900 }, name: "desktop" },
  { colorScheme: "dark", viewport: { width: 1280, height: 900 }, name: "desktop" },
  { colorScheme: "light", viewport: { width: 390, height: 844 }, name: "phone" },
  { colorScheme: "dark", viewport: { width: 390, height: 844 }, name: "phone" },
] as const;

const numberOf = (locale: Locale) => `+628130000500${locales.indexOf(locale)}`;

// With a folder in SCREENSHOTS, every chat is kept there as a picture to look at.
// A laptop may have no Chromium; the gate installs it and must not pass without.
describe.skipIf(!existsSync(executablePath) && !process.env["CI"])("a code in every language, in a chat", () => {
  let stack: TestStack;
  let browser: Browser;
  let wide: Page;
  const codes = new Map<Locale, string>();

  beforeAll(async () => {
    stack = await startTestStack();
    browser = await chromium.launch({ executablePath, args: flags });
    for (const locale of locales) {
      await stack.addPhone(numberOf(locale));
      const { code } = await stack.sendCode(numberOf(locale), { locale, bind, companyName: "Toko Makmur" });
      codes.set(locale, code);
    }
    wide = await open(looks[0]);
  });
  afterAll(async () => {
    await browser.close();
    await stack.destroy();
  });

  async function open(look: (typeof looks)[number]): Promise<Page> {
    const page = await browser.newPage(look);
    await page.goto(stack.local.simulatorUrl ?? "");
    await page.locator("#live[data-state=live]").waitFor();
    return page;
  }

  it.each(locales)("%s shows the code, the amount and the payee, each line in its own direction", async (locale) => {
    const bubble = phoneOf(wide, locale).locator(".bubble.in");
    await bubble.waitFor();
    const lines = await bubble.locator(".line").evaluateAll((all) =>
      all
        .filter((line) => line.textContent !== "")
        .map((line) => ({
          text: line.textContent,
          direction: line.matches(":dir(rtl)") ? "rtl" : "ltr",
          isCode: line.querySelector(".code") !== null && line.textContent === line.querySelector(".code")?.textContent,
        })),
    );
    const words = lines.filter(({ isCode }) => !isCode);
    const direction = fromTheRight.has(locale) ? "rtl" : "ltr";
    expect(words.map((line) => ({ text: line.text, direction: line.direction }))).toEqual(
      words.map(({ text }) => ({ text, direction })),
    );
    expect(words.some(({ text }) => text.includes(bind.amount) && text.includes(bind.payee))).toBe(true);

    const chip = bubble.locator(".code");
    expect(await chip.textContent()).toBe(codes.get(locale));
    // Character by character, from left to right.
    const places = await chip.evaluate((element) => {
      const text = element.firstChild;
      return Array.from(text?.textContent ?? "", (_, i) => {
        const range = element.ownerDocument.createRange();
        if (text) {
          range.setStart(text, i);
          range.setEnd(text, i + 1);
        }
        return range.getBoundingClientRect().left;
      });
    });
    expect(places.length).toBe(6);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it.each(looks)("fits the chat ($colorScheme, $name)", async (look) => {
    const page = await open(look);
    for (const locale of locales) {
      const bubble = phoneOf(page, locale).locator(".bubble.in");
      await bubble.waitFor();
      await bubble.scrollIntoViewIfNeeded();
      const overflow = await bubble.evaluate((element) => element.scrollWidth - element.clientWidth);
      expect([locale, overflow]).toEqual([locale, 0]);
      const folder = process.env["SCREENSHOTS"];
      if (!folder) continue;
      const path = join(folder, `${locale}-${look.colorScheme}-${look.name}.png`);
      await phoneOf(page, locale).locator(".screen").screenshot({ path });
    }
    const isWiderThanTheWindow = await page.locator("html").evaluate((html) => html.scrollWidth > html.clientWidth);
    expect(isWiderThanTheWindow).toBe(false);
    await page.close();
  });
});

const phoneOf = (page: Page, locale: Locale) =>
  page.locator("article.phone", { has: page.locator(".who .number", { hasText: numberOf(locale) }) });
