import type { Session, SessionQr, Verification } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeIn } from "../src/code.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

const sender = "+6281200000001";
const otherSender = "+6281200000002";
const stranger = "+6281300004000";

describe("an inbound verification, from the user's phone", () => {
  let stack: TestStack;
  let user = "";
  let otherSessionId = "";
  let count = 0;

  beforeAll(async () => {
    stack = await startTestStack();
    user = stack.local.userPhone ?? "";
    await stack.addPhone(stranger);
    await stack.addPhone(otherSender);
    const { body: session } = await stack.api<Session>("POST /v1/sessions", { name: "Other line" });
    otherSessionId = session.id;
    const qr = await eventually("a QR code", async () => {
      const { status, body } = await stack.api<SessionQr>(`GET /v1/sessions/${otherSessionId}/qr`);
      return status === 200 && body.qr;
    });
    await stack.scan(otherSender, qr);
    await eventually("the other session to be online", async () => {
      const { body } = await stack.api<Session>(`GET /v1/sessions/${otherSessionId}`);
      return body.state === "online";
    });
  });
  afterAll(() => stack.destroy());

  async function create(input: object = {}): Promise<Verification> {
    const { status, body } = await stack.api<Verification>("POST /v1/verifications", {
      to: user,
      purpose: `case-${count++}`,
      mode: "inbound",
      route: { sessionId: stack.local.sessionId },
      ...input,
    });
    expect(status).toBe(202);
    return body;
  }
  const get = async ({ id }: Verification) => (await stack.api<Verification>(`GET /v1/verifications/${id}`)).body;
  const approved = (verification: Verification) =>
    eventually("the approval", async () => {
      const now = await get(verification);
      return now.status === "approved" && now;
    });

  /** Waits until the edge knows all that this phone has written so far: a message behind it has had its effect. */
  async function heard(from: string, sessionId = stack.local.sessionId): Promise<void> {
    const marker = await create({ to: from, route: { sessionId }, inboundVariant: "match" });
    await stack.openLink(from, linkOf(marker));
    await approved(marker);
  }

  it("is approved when its link is opened, and nothing is sent", async () => {
    const verification = await create();
    expect(verification).toMatchObject({ mode: "inbound", status: "pending", delivery: null });
    expect(linkOf(verification)).toMatch(new RegExp(`^https://wa\\.me/${sender.slice(1)}\\?text=`));
    const before = (await stack.inbox()).length;
    await stack.openLink(user, linkOf(verification));
    const now = await approved(verification);
    expect(now).toMatchObject({ approvedBy: "inbound", delivery: null, inbound: null });
    expect((await stack.inbox()).length).toBe(before);
  });

  it("is also approved when the phone shows its hidden id in place of its number", async () => {
    await stack.patchPhone(user, { addressing: "lid" });
    const verification = await create();
    await stack.openLink(user, linkOf(verification));
    expect((await approved(verification)).approvedBy).toBe("inbound");
    await stack.patchPhone(user, { addressing: "auto" });
  });

  it("answers with a code in the chat, once, which is typed back", async () => {
    const verification = await create({ inboundVariant: "reply" });
    const before = new Set((await stack.inbox()).map(({ id }) => id));
    const shown = async () => (await stack.inbox()).filter(({ id }) => !before.has(id));
    await stack.openLink(user, linkOf(verification));
    const code = await eventually("the code in the chat", async () => codeIn((await shown())[0]?.text ?? ""));
    expect((await get(verification)).status).toBe("pending");
    await stack.openLink(user, linkOf(verification));
    await heard(user);
    expect((await shown()).length).toBe(1);
    const check = await stack.api<Verification>(`POST /v1/verifications/${verification.id}/check`, { code });
    expect([check.status, check.body.status, check.body.approvedBy]).toEqual([200, "approved", "code"]);
  });

  it.each(["match", "reply"])("is not changed by a message of another number (%s)", async (inboundVariant) => {
    const verification = await create({ inboundVariant });
    const before = [(await stack.inbox(stranger)).length, (await stack.inbox()).length];
    await stack.openLink(stranger, linkOf(verification));
    await heard(stranger);
    expect(await get(verification)).toEqual({ ...verification, created: false });
    expect([(await stack.inbox(stranger)).length, (await stack.inbox()).length]).toEqual(before);
  });

  it("is not changed by a forwarded message", async () => {
    const verification = await create();
    await stack.write(user, { to: sender, text: verification.inbound?.text ?? "", forwarded: true });
    await heard(user);
    expect((await get(verification)).status).toBe("pending");
    await stack.write(user, { to: sender, text: verification.inbound?.text ?? "" });
    expect((await approved(verification)).approvedBy).toBe("inbound");
  });

  it("is not changed by a message to another session", async () => {
    const verification = await create();
    await stack.write(user, { to: otherSender, text: verification.inbound?.text ?? "" });
    await heard(user, otherSessionId);
    expect((await get(verification)).status).toBe("pending");
  });

  it("has a token that works once", async () => {
    const verification = await create();
    await stack.openLink(user, linkOf(verification));
    const first = await approved(verification);
    await stack.openLink(user, linkOf(verification));
    await heard(user);
    expect(await get(verification)).toEqual(first);
  });

  it("is what auto chooses for a stranger, and push for a person who has written before", async () => {
    const someone = "+6281300004001";
    await stack.addPhone(someone);
    const cold = await create({ to: someone, mode: "auto" });
    expect([cold.mode, cold.delivery]).toEqual(["inbound", null]);
    await stack.openLink(someone, linkOf(cold));
    await approved(cold);
    const warm = await create({ to: someone, mode: "auto" });
    expect([warm.mode, warm.inbound]).toEqual(["push", null]);
    const code = await eventually("the code", async () => codeIn((await stack.inbox(someone))[0]?.text ?? ""));
    expect((await stack.api(`POST /v1/verifications/${warm.id}/check`, { code })).status).toBe(200);
  });

  it.each([
    ["Mexico", "+5215512345678", "+525512345678"],
    ["Brazil", "+556191674812", "+5561991674812"],
    ["Argentina, written without the 9", "+5491123456789", "+541123456789"],
  ])(
    "is approved by an account under another spelling, which is known from then on: %s",
    async (_country, phone, to) => {
      await stack.api("PATCH /v1/workspace", { policy: { countries: ["*"] } });
      await stack.addPhone(phone);
      const cold = await create({ to, mode: "auto" });
      expect(cold.mode).toBe("inbound");
      await stack.openLink(phone, linkOf(cold));
      await approved(cold);
      const warm = await create({ to, mode: "auto" });
      expect(warm.mode).toBe("push");
      const code = await eventually("the code", async () => codeIn((await stack.inbox(phone))[0]?.text ?? ""));
      expect((await stack.api(`POST /v1/verifications/${warm.id}/check`, { code })).status).toBe(200);
    },
  );
});

const linkOf = ({ inbound }: Verification) => inbound?.link ?? "";
