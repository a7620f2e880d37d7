import { existsSync } from "node:fs";
import type { QrPageLink, Session } from "@sandi/contracts";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

// A laptop may have no Chromium; the gate installs it and must not pass without.
describe.skipIf(!existsSync(executablePath) && !process.env["CI"])("the pages in a real browser", () => {
  let stack: TestStack;
  let browser: Browser;

  beforeAll(async () => {
    stack = await startTestStack();
    browser = await chromium.launch({ executablePath, args: flags });
  });
  afterAll(async () => {
    await browser.close();
    await stack.destroy();
  });

  /** Opens a page and keeps what the browser complains about and what it asks of other hosts. */
  async function open(path: string): Promise<{ page: Page; complaints: string[]; foreign: string[] }> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    const foreign: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("request", (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith("http") && origin !== stack.apiUrl) foreign.push(request.url());
    });
    await page.goto(path.startsWith("http") ? path : stack.apiUrl + path);
    return { page, complaints, foreign };
  }

  it.each(["/", "/problems", "/problems/code-incorrect"])(
    "%s asks nothing of other hosts and breaks no policy",
    async (path) => {
      const { page, complaints, foreign } = await open(path);
      expect(await page.locator("h1").first().textContent()).toBeTruthy();
      expect({ complaints, foreign }).toEqual({ complaints: [], foreign: [] });
      await page.close();
    },
  );

  it("/docs shows the API reference from our own files", async () => {
    const { page, complaints, foreign } = await open("/docs");
    await page.getByText("Send a code").first().waitFor();
    expect({ complaints, foreign }).toEqual({ complaints: [], foreign: [] });
    await page.close();
  });

  it("the QR page shows a live code, and says so when a phone has scanned it", async () => {
    const { body: session } = await stack.api<Session>("POST /v1/sessions", { name: "Second line" });
    const { body: link } = await stack.api<QrPageLink>(`POST /v1/sessions/${session.id}/qr-page`);
    const { page, complaints } = await open(link.url);
    const qr = await eventually("a QR code", async () => {
      const answer = await stack.api<{ qr: string }>(`GET /v1/sessions/${session.id}/qr`);
      return answer.status === 200 && answer.body.qr;
    });
    await page.locator("svg").first().waitFor();
    await stack.addPhone("+6281200000077");
    await stack.scan("+6281200000077", qr);
    await page.getByText("+6281200000077").first().waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("the QR page answers 403 to a link that was changed", async () => {
    const { body: link } = await stack.api<QrPageLink>(`POST /v1/sessions/${stack.local.sessionId}/qr-page`);
    const answer = await fetch(link.url.replace(/.$/, (last) => (last === "A" ? "B" : "A")));
    expect(answer.status).toBe(403);
  });
});
