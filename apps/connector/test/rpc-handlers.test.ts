import { AppError, defineRpc, PairingCodeRpc, SessionId } from "@sandi/contracts";
import { expect, test } from "vitest";
import { z } from "zod";
import { handle } from "../src/rpc/handle.ts";
import type { LiveSession } from "../src/session/live.ts";

const rpc = defineRpc({
  path: "/rpc/test",
  request: z.strictObject({ sessionId: SessionId }),
  response: z.object({}),
  errors: ["session-not-online"],
});
const live = {} as LiveSession;
const codeOf = (cause: unknown) => (cause instanceof AppError ? cause.code : "internal-error");

test("a handler refuses with the errors that its call names", async () => {
  const { answer } = handle(rpc, ({ refuse }) => {
    throw refuse("session-not-online");
  });
  expect(await answer(live, {}).catch(codeOf)).toBe("session-not-online");
});

test("every handler may say that WhatsApp does not answer", async () => {
  const { answer } = handle(rpc, ({ refuse }) => {
    throw refuse("connector-unavailable", { retryAfter: 2 });
  });
  expect(await answer(live, {}).catch(codeOf)).toBe("connector-unavailable");
});

test("an error that the call does not name does not type-check, and is a failure of the connector", async () => {
  const { answer } = handle(rpc, ({ refuse }) => {
    // @ts-expect-error: `errors` of the call does not have it.
    throw refuse("session-not-pairing");
  });
  expect(await answer(live, {}).catch(codeOf)).toBe("internal-error");
});

test("a call that does not name its session does not type-check", () => {
  // @ts-expect-error: every call is made to the owner of a session.
  const nobody = defineRpc({ path: "/rpc/test", request: z.strictObject({}), response: z.object({}), errors: [] });
  expect([nobody.errors, PairingCodeRpc.errors]).toEqual([[], ["session-not-pairing"]]);
});
