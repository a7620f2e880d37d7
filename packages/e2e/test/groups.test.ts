import type { Group, Problem } from "@sandi/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestStack, type TestStack } from "../src/harness.ts";

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack.destroy());

/** Creates a group on the user's phone, as a person does. */
async function createGroup(participants: (string | null)[]): Promise<string> {
  const { simulatorUrl, userPhone } = stack.local;
  const response = await fetch(`${simulatorUrl}/phones/${userPhone}/groups`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ subject: "Warung", participants }),
  });
  return ((await response.json()) as { id: string }).id;
}

const read = (groupId: string) =>
  stack.api<Group & Problem>(`GET /v1/sessions/${stack.local.sessionId}/groups/${groupId}`);

it("shows a group that the session's account is in, from the phone to the API", async () => {
  const { body: session } = await stack.api<{ phone: string }>(`GET /v1/sessions/${stack.local.sessionId}`);
  const id = await createGroup([session.phone]);
  const { status, body } = await read(id);
  expect([status, body.id, body.subject]).toEqual([200, id, "Warung"]);
  expect(body.participants).toMatchObject([
    { person: { phone: stack.local.userPhone }, role: "owner" },
    { person: { phone: session.phone }, role: "member" },
  ]);
  expect((await read(encodeURIComponent(id))).body.subject).toBe("Warung");
});

it("does not show a group that the account is not in", async () => {
  const { status, body } = await read(await createGroup([]));
  expect([status, body.code, body.whatsappCode]).toEqual([404, "group-not-found", 403]);
});
