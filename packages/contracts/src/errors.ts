/**
 * Every error that the API answers: the code on the wire, its HTTP status, its title, and what to do about it where the
 * title does not say it all. Names of fields stand in backticks.
 * The page `/problems/{code}` and the `type` of each problem are made of this table.
 */
export const errors = {
  "invalid-request": {
    status: 400,
    title: "The request is not valid",
    advice: "The list `errors` names each wrong field and what is wrong with it. Correct it and send again.",
  },
  "invalid-json": { status: 400, title: "The body is not JSON", advice: "Send the body as UTF-8 JSON." },
  unauthenticated: {
    status: 401,
    title: "An API key is needed",
    advice:
      "Send `Authorization: Bearer` with a key of your workspace. Keys begin with `sandi_live_`, those of the sandbox with `sandi_test_`.",
  },
  "service-token-invalid": { status: 401, title: "The service token is not valid" },
  "signature-invalid": {
    status: 401,
    title: "The webhook's signature is not valid",
    advice:
      "The hook's address and its secret have to be those of the answer that made it, and the clocks within five minutes of each other. For what QStash delivers: its signing keys have to be the configured ones.",
  },
  "test-keys-not-supported": {
    status: 403,
    title: "Test keys cannot be used for this",
    advice: "What lives at a connector has no place in the sandbox. Use a key that begins with `sandi_live_`.",
  },
  "address-not-allowed": {
    status: 403,
    title: "The API key may not be used from this address",
    advice:
      "The key has a list of addresses. Call from one of them, or change the list with another key: `PATCH /v1/keys/{id}`.",
  },
  "policy-refuses": {
    status: 403,
    title: "The workspace's policy does not allow this",
    advice: "The `detail` names the setting. Change the workspace's policy, or what you ask for.",
  },
  "country-not-allowed": {
    status: 403,
    title: "The workspace does not send to this country",
    advice: "Add the country to the policy's `countries`, or an allow rule for the number.",
  },
  "destination-blocked": {
    status: 403,
    title: "The destination is blocked",
    advice:
      "A block rule of the workspace matches; it holds for codes and messages. Remove it, or add an allow rule for the number.",
  },
  "prefix-blocked": {
    status: 403,
    title: "Numbers with this prefix are blocked for now",
    advice:
      "Codes for numbers with this beginning are hardly ever typed in, as when traffic is faked. Wait, lift the block, or add an allow rule.",
  },
  "insufficient-scope": {
    status: 403,
    title: "The API key lacks a scope",
    advice:
      "The `detail` names what the calling key lacks: a scope, addresses, or time before it expires. Use a key that has it, or make one.",
  },
  "hook-ended": {
    status: 403,
    title: "The hook's API key was revoked, has expired or may no longer do this",
    advice:
      "A hook ends with the API key that it belongs to. `GET /v1/hooks/supabase` shows which and why. Take the hook over: `PATCH` it with `adopt: true` and a live key that has `key:manage`, `otp:send` and `otp:custom`, and no list of addresses.",
  },
  "link-invalid": { status: 403, title: "The link is not valid or has expired" },
  "not-found": { status: 404, title: "There is nothing at this address" },
  "session-not-found": { status: 404, title: "No such session" },
  "pool-not-found": { status: 404, title: "No such sender pool" },
  "message-not-found": { status: 404, title: "No such message" },
  "verification-not-found": { status: 404, title: "No such verification" },
  "template-not-found": { status: 404, title: "No such template" },
  "key-not-found": { status: 404, title: "No such API key" },
  "hook-not-found": { status: 404, title: "No such hook" },
  "alert-channel-not-found": { status: 404, title: "No such alert channel" },
  "access-rule-not-found": { status: 404, title: "No such rule" },
  "method-not-allowed": { status: 405, title: "This address does not take that method" },
  "not-acceptable": { status: 406, title: "None of the accepted media types can be served" },
  "no-eligible-session": {
    status: 409,
    title: "No session can send this",
    advice: "Link a WhatsApp account: create a session and scan its QR code.",
  },
  "session-not-pairing": {
    status: 409,
    title: "The session is not waiting to be linked",
    advice: "A QR code is shown only while a session waits to be linked. Look at its state; restart it for new codes.",
  },
  "session-limit-reached": {
    status: 409,
    title: "The workspace has as many sessions as it may have",
    advice: "Delete a session that is not needed, or use one that is there.",
  },
  "pool-exists": { status: 409, title: "A sender pool with this name exists" },
  "pool-limit-reached": { status: 409, title: "The workspace has as many sender pools as it may have" },
  "pool-not-empty": { status: 409, title: "The sender pool is still needed" },
  "template-exists": { status: 409, title: "A template with this name or for this purpose exists" },
  "template-limit-reached": { status: 409, title: "The workspace has as many templates as it may have" },
  "key-limit-reached": {
    status: 409,
    title: "The workspace has as many API keys as it may have",
    advice: "Revoke a key that is not needed.",
  },
  "hook-limit-reached": {
    status: 409,
    title: "The workspace has as many hooks as it may have",
    advice: "Delete a hook that is not needed.",
  },
  "key-ended": {
    status: 409,
    title: "The API key was revoked or replaced, or has expired",
    advice: "A key that was revoked, was replaced or has expired stays so. Create another.",
  },
  "last-manager-key": {
    status: 409,
    title: "The workspace needs one more API key that manages it",
    advice:
      "Without this key nobody could manage the workspace. Create another live key with `key:manage` that does not expire, then repeat the request.",
  },
  "access-rule-exists": {
    status: 409,
    title: "A rule for this exists",
    advice: "The `detail` names it. Delete it first.",
  },
  "alert-channel-limit-reached": {
    status: 409,
    title: "The workspace has as many alert channels as it may have",
    advice: "Delete an alert channel that is not needed.",
  },
  "access-rule-limit-reached": {
    status: 409,
    title: "The workspace has as many rules as it may have",
    advice: "Delete a rule that is not needed, or replace many by one for a prefix or a country.",
  },
  "session-not-online": { status: 409, title: "The session is not online" },
  "idempotency-in-progress": {
    status: 409,
    title: "A request with this Idempotency-Key is still under way",
    advice: "The first request with this key has not been answered yet. Ask again in a second.",
  },
  "session-ended": {
    status: 409,
    title: "The session has ended",
    advice: "The linked device is gone. Restart the session and link it again.",
  },
  "verification-approved": {
    status: 410,
    title: "The verification was already approved",
    advice: "A code is good for one check. Treat this as a failure.",
  },
  "verification-canceled": { status: 410, title: "The verification was canceled" },
  "verification-expired": {
    status: 410,
    title: "The verification has expired",
    advice: "Create a new verification; it has a new code.",
  },
  "verification-blocked": { status: 410, title: "The verification was blocked" },
  "verification-undeliverable": {
    status: 410,
    title: "The code could not be delivered",
    advice: "Nobody received this code. Create another verification, or reach the user in another way.",
  },
  "max-attempts-reached": {
    status: 410,
    title: "No attempts are left",
    advice: "Create a new verification; it has a new code.",
  },
  "payload-too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": { status: 415, title: "The body must be application/json" },
  "code-incorrect": {
    status: 422,
    title: "The code is not the right one",
    advice: "Let the user try again while `attemptsLeft` is above zero.",
  },
  "client-binding-mismatch": {
    status: 422,
    title: "The verification belongs to another client",
    advice: "Send the `clientVerifier` whose SHA-256 the verification was created with, from the client that did so.",
  },
  "idempotency-key-reused": {
    status: 422,
    title: "This Idempotency-Key belongs to another request",
    advice: "Use a new `Idempotency-Key` for every new request, and the same one only to repeat it.",
  },
  "destination-locked": {
    status: 429,
    title: "Too many failed checks for this destination",
    advice: "Too many wrong codes in a row for this number. Wait for the seconds in `retryAfter`.",
  },
  "rate-limited": {
    status: 429,
    title: "Too many requests",
    advice:
      "Wait for the seconds in `retryAfter`. The `detail` names the limit; the headers `RateLimit-Policy` and `RateLimit` tell on every answer what each allows and what is left of it. A network (IPv6: a /64) that sends more than 30 different unknown keys in a minute is refused, too.",
  },
  "lookups-exhausted": {
    status: 429,
    title: "The session may look up no more unknown numbers for now",
    advice:
      "The session has asked WhatsApp about many numbers, or about too many that have no account, which is a way to lose it. What is known is answered still; wait for the seconds in `retryAfter`, or name another session.",
  },
  "destination-limited": {
    status: 429,
    title: "Too many codes for this destination",
    advice: "This number was sent enough. Wait for the seconds in `retryAfter`.",
  },
  "resend-cooldown": {
    status: 429,
    title: "It is too early to send the code again",
    advice: "Wait for the seconds in `retryAfter`, then create again.",
  },
  "sends-exhausted": {
    status: 429,
    title: "No sends are left for this verification",
    advice: "The code was sent five times. Check it, cancel the verification, or wait until it expires.",
  },
  "internal-error": {
    status: 500,
    title: "Something went wrong; nothing was accepted",
    advice: "Our fault. Name the `requestId` when you ask us about it.",
  },
  "connector-unavailable": {
    status: 503,
    title: "The connector does not answer",
    advice: "Codes and messages are still accepted. Ask again in a few seconds.",
  },
  "database-unavailable": {
    status: 503,
    title: "The database does not answer; nothing was accepted",
    advice: "Send the same request again in a moment, best with the same `Idempotency-Key`.",
  },
} as const satisfies Record<string, { status: number; title: string; advice?: string }>;

/** The machine-readable name of an error. */
export type ErrorCode = keyof typeof errors;

/** What to do about an error, where its title does not say it all. */
export const adviceFor = (code: ErrorCode): string | undefined => {
  const entry = errors[code];
  return "advice" in entry ? entry.advice : undefined;
};
