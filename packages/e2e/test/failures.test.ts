import type { Verification, VerificationList } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeIn } from "../src/code.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

const settled = new Set(["sent", "delivered", "read", "failed"]);

describe("when a part fails", () => {
  let stack: TestStack;
  const numbers = Array.from({ length: 20 }, (_, i) => `+62813000001${String(i).padStart(2, "0")}`);

  beforeAll(async () => {
    stack = await startTestStack();
    for (const number of numbers) await stack.addPhone(number);
  });
  afterAll(() => stack.destroy());

  async function create(count: number, label: string): Promise<Verification[]> {
    const made: Verification[] = [];
    for (let at = 0; at < count; at += 20) {
      const answers = await Promise.all(
        numbers
          .slice(0, Math.min(20, count - at))
          .map((to) => stack.api<Verification>("POST /v1/verifications", { to, purpose: `${label}-${at}` })),
      );
      for (const { status, body } of answers) {
        expect(status).toBe(202);
        made.push(body);
      }
    }
    return made;
  }

  /** Through the list, for looks at one verification are limited. */
  const fetched = async (made: Verification[]) => {
    const wanted = new Set(made.map(({ id }) => id));
    const found: Verification[] = [];
    for (let cursor: string | null = ""; cursor !== null && found.length < wanted.size;) {
      const query: string = `limit=100${cursor && `&cursor=${cursor}`}`;
      const { body } = await stack.api<VerificationList>(`GET /v1/verifications?${query}`);
      found.push(...body.verifications.filter(({ id }) => wanted.has(id)));
      cursor = body.nextCursor;
    }
    return found;
  };

  const codesOnPhones = async () =>
    (
      await Promise.all(
        numbers.map(async (number) => (await stack.inbox(number)).map(({ id, text }) => ({ id, code: codeIn(text) }))),
      )
    ).flat();

  it("a connector killed with -9 under 200 OTPs loses none and shows none twice", async () => {
    const before = (await codesOnPhones()).length;
    const creating = create(200, "kill");
    await eventually("sends to be under way", async () => (await codesOnPhones()).length - before > 20);
    stack.connector.kill("SIGKILL");
    const made = await creating;
    const ended = await eventually(
      "every OTP to end",
      async () => {
        const now = await fetched(made);
        return now.every(({ delivery }) => settled.has(delivery!.status)) ? now : undefined;
      },
      120_000,
    );
    const failed = ended.filter(({ delivery }) => delivery!.status === "failed").length;
    const shown = await eventually("every code that was sent on its phone", async () => {
      const now = await codesOnPhones();
      return now.length - before >= made.length - failed && now;
    });
    expect(new Set(shown.map(({ id }) => id)).size).toBe(shown.length);
    expect(shown.length - before).toBe(made.length - failed);
    expect(stack.lines.filter((line) => line.includes("died")).length).toBe(1);
  });

  it("an edge that is down for 30 s gets every receipt afterwards", async () => {
    for (const number of numbers) await stack.patchPhone(number, { latencyMs: 15_000 });
    const acknowledged = await create(20, "outage");
    await eventually("WhatsApp's server to have them", async () =>
      (await fetched(acknowledged)).every(({ delivery }) => delivery!.sentAt !== null),
    );
    const underway = await create(20, "outage-underway");
    await stack.stopEdge();
    const stoppedAt = Date.now();
    for (const number of numbers) await stack.patchPhone(number, { latencyMs: 0 });
    await new Promise((resolve) => setTimeout(resolve, stoppedAt + 30_000 - Date.now()));
    await stack.startEdge();
    const [first] = await fetched(acknowledged);
    expect(first?.delivery!.sentAt).not.toBeNull();
    const latest = await eventually("every receipt", async () => {
      const now = await fetched([...acknowledged, ...underway]);
      return now.every(({ delivery }) => delivery!.status === "read") && now;
    });
    // Events of the time when the edge was away have the time at which they happened.
    const during = latest.filter(({ delivery }) => Date.parse(delivery!.readAt ?? "") < stoppedAt + 30_000);
    expect(during.length).toBeGreaterThanOrEqual(acknowledged.length);
    expect(latest.every(({ delivery }) => Date.parse(delivery!.readAt ?? "") >= stoppedAt)).toBe(true);
  });

  it("a simulated WhatsApp that restarts finds the session linked, and codes go on", async () => {
    const before = stack.simulator?.pid;
    stack.simulator?.kill("SIGTERM");
    await eventually("another simulator", async () => stack.simulator?.pid !== before);
    await stack.simulator?.ready();
    const { code } = await stack.sendCode(numbers[0], { purpose: "after-restart" });
    expect(code).toMatch(/^[0-9]{6}$/);
  });
});
