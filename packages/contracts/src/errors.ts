/**
 * Every error that the API answers: its code, its HTTP status, its title, and the advice where the title is not enough.
 * `retryable`: waiting can be enough, and the same request may succeed later. Names of fields are in backticks. The page
 * `/problems/{code}` and the `type` of each problem come from this table.
 */
export const errors = {
  "invalid-request": {
    status: 400,
    title: "The request is not valid",
    advice: "The list `errors` names each wrong field and the reason. Correct the fields and send the request again.",
  },
  "invalid-json": { status: 400, title: "The body is not JSON", advice: "Send the body as UTF-8 JSON." },
  unauthenticated: {
    status: 401,
    title: "An API key is needed",
    advice:
      "Send `Authorization: Bearer` with a key of your workspace. Live keys begin with `sandi_live_`, keys of the sandbox with `sandi_test_`.",
  },
  "service-token-invalid": { status: 401, title: "The service token is not valid" },
  "signature-invalid": {
    status: 401,
    title: "The webhook's signature is not valid",
    advice:
      "Use the address and the secret from the answer that created the hook. The two clocks may differ by five minutes at most. For calls of QStash, configure its current signing keys.",
  },
  "test-keys-not-supported": {
    status: 403,
    title: "Test keys cannot be used for this",
    advice: "The sandbox has no connector. Use a key that begins with `sandi_live_`.",
  },
  "address-not-allowed": {
    status: 403,
    title: "The API key may not be used from this address",
    advice:
      "The key may be used from the addresses in its list only. Call from one of them, or change the list with another key: `PATCH /v1/keys/{id}`.",
  },
  "policy-refuses": {
    status: 403,
    title: "The workspace's policy does not allow this",
    advice: "The `detail` names the setting. Change the workspace's policy, or the request.",
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
      "A block rule of the workspace matches the number. It holds for codes and messages. Delete the rule, or add an allow rule for the number.",
  },
  "prefix-blocked": {
    status: 403,
    title: "Numbers with this prefix are blocked for now",
    advice:
      "Users typed in very few of the codes that were sent to this prefix, which is a sign of fake traffic. Wait, lift the block, or add an allow rule.",
    retryable: true,
  },
  "insufficient-scope": {
    status: 403,
    title: "The API key lacks a scope",
    advice:
      "The `detail` names what the calling key lacks: a scope, addresses, or a later expiry. Use or create a key that has it.",
  },
  "hook-ended": {
    status: 403,
    title: "The hook's API key was revoked, has expired or has lost a scope",
    advice:
      "A hook stops when its API key ends. `GET /v1/hooks/supabase` shows the key and the reason. To use the hook again, `PATCH` it with `adopt: true` and a live key that has `key:manage`, `otp:send` and `otp:custom`, and no list of addresses.",
  },
  "not-group-admin": {
    status: 403,
    title: "The account is not an admin of the group",
    advice: "Only admins of the group may do this. Let an admin promote the account first.",
  },
  "link-invalid": { status: 403, title: "The link is not valid or has expired" },
  "not-found": { status: 404, title: "There is nothing at this address" },
  "session-not-found": { status: 404, title: "No such session" },
  "pool-not-found": { status: 404, title: "No such sender pool" },
  "group-not-found": {
    status: 404,
    title: "No such group, or the session's account is not in it",
    advice: "WhatsApp describes a group to its members only. Use the session of a member.",
  },
  "message-not-found": { status: 404, title: "No such message" },
  "batch-not-found": { status: 404, title: "No such batch" },
  "person-not-found": {
    status: 404,
    title: "The address names no person that is known",
    advice:
      "Name the person by id (`per_…`), by hidden id (`…@lid`), or, for an erasure, by number in E.164 form (`%2B6281234567890`). A session knows people with whom its account has exchanged messages, and the authors in its groups.",
  },
  "erasure-not-found": { status: 404, title: "No such erasure" },
  "media-not-found": {
    status: 404,
    title: "No such media",
    advice:
      "It was deleted, or an upload that no message used for 24 hours. A key without `message:read` sees its own uploads only.",
  },
  "verification-not-found": { status: 404, title: "No such verification" },
  "template-not-found": { status: 404, title: "No such template" },
  "key-not-found": { status: 404, title: "No such API key" },
  "hook-not-found": { status: 404, title: "No such hook" },
  "alert-channel-not-found": { status: 404, title: "No such alert channel" },
  "webhook-not-found": { status: 404, title: "No such webhook" },
  "delivery-not-found": { status: 404, title: "No such delivery" },
  "replay-not-found": { status: 404, title: "No such replay" },
  "access-rule-not-found": { status: 404, title: "No such rule" },
  "method-not-allowed": { status: 405, title: "This address does not support the method" },
  "not-acceptable": { status: 406, title: "The API has none of the media types in `Accept`" },
  "no-eligible-session": {
    status: 409,
    title: "No session can send this",
    advice: "Link a WhatsApp account: create a session and scan its QR code.",
  },
  "session-not-pairing": {
    status: 409,
    title: "The session is not waiting to be linked",
    advice: "A session has a QR code only while its state is `pairing`. Read its state, and restart it for new codes.",
  },
  "session-limit-reached": {
    status: 409,
    title: "The workspace has reached its limit of sessions",
    advice: "Delete a session that you do not need, or use an existing one.",
  },
  "pool-exists": { status: 409, title: "A sender pool with this name exists" },
  "pool-limit-reached": { status: 409, title: "The workspace has reached its limit of sender pools" },
  "pool-not-empty": { status: 409, title: "The sender pool is not empty, or is the default pool" },
  "template-exists": { status: 409, title: "A template with this name or for this purpose exists" },
  "template-limit-reached": { status: 409, title: "The workspace has reached its limit of templates" },
  "key-limit-reached": {
    status: 409,
    title: "The workspace has reached its limit of API keys",
    advice: "Revoke a key that you do not need.",
  },
  "hook-limit-reached": {
    status: 409,
    title: "The workspace has reached its limit of hooks",
    advice: "Delete a hook that you do not need.",
  },
  "key-ended": {
    status: 409,
    title: "The API key was revoked or replaced, or has expired",
    advice: "This cannot be undone. Create another key.",
  },
  "last-manager-key": {
    status: 409,
    title: "The workspace needs another API key with `key:manage` first",
    advice:
      "This is the last key that can manage the workspace. Create another live key with `key:manage` that does not expire, then repeat the request.",
  },
  "access-rule-exists": {
    status: 409,
    title: "A rule for this value exists",
    advice: "The `detail` names the rule. Delete it first.",
  },
  "alert-channel-limit-reached": {
    status: 409,
    title: "The workspace has reached its limit of alert channels",
    advice: "Delete an alert channel that you do not need.",
  },
  "webhook-limit-reached": {
    status: 409,
    title: "The workspace has reached its limit of webhooks",
    advice: "Delete a webhook that you do not need.",
  },
  "delivery-not-ended": {
    status: 409,
    title: "The delivery has not ended",
    advice:
      "It waits for its next attempt or its turn. Only a delivery that is `delivered` or `failed` can be retried.",
  },
  "replay-limit-reached": {
    status: 409,
    title: "The webhook has reached its limit of replays that run",
    advice: "Wait until one has finished.",
    retryable: true,
  },
  "access-rule-limit-reached": {
    status: 409,
    title: "The workspace has reached its limit of rules",
    advice: "Delete a rule that you do not need, or replace many rules by one for a prefix or a country.",
  },
  "batch-limit-reached": {
    status: 409,
    title: "The workspace has reached its limit of batches that have not ended",
    advice: "Wait until one has finished, or cancel one.",
    retryable: true,
  },
  "batch-ended": {
    status: 409,
    title: "The batch has ended",
    advice: "A batch that is `finished` or `canceled` does not change any more.",
  },
  "message-not-waiting": {
    status: 409,
    title: "The message no longer waits to be sent",
    advice:
      "Only a message that is `scheduled` or `queued` can be canceled, and only a `scheduled` one can be moved. The `detail` names its status.",
  },
  "message-not-retryable": {
    status: 409,
    title: "The message cannot be retried",
    advice:
      "Only a message that failed for a reason that may pass, before anything was sent, can be retried within 72 hours. Send a new message, if the recipient does not have this one.",
  },
  "message-not-actionable": {
    status: 409,
    title: "Nothing can be done with this message",
    advice:
      "Only a message that was sent or received, and not deleted, can be changed, reacted to or pinned. The `detail` names its status.",
  },
  "message-not-editable": {
    status: 409,
    title: "The message cannot be edited",
    advice:
      "Only the account's own texts, and captions of its images, videos and documents, can be edited, at most 15 minutes after they were sent. The `detail` says what is missing.",
  },
  "message-not-deletable": {
    status: 409,
    title: "The message cannot be deleted for everyone",
    advice:
      "Only the account's own messages can be deleted for everyone, and in groups whose admin it is also those of others.",
  },
  "message-not-forwardable": {
    status: 409,
    title: "The message cannot be forwarded",
    advice:
      "Only a message that was sent or received, is not deleted, is not shown once, and has a type that can be sent. The `detail` says what is missing.",
  },
  "message-not-kept": {
    status: 409,
    title: "The connector does not keep this message any more",
    advice:
      "It needs the message itself. It keeps received messages as long as the policy's `messageContent` and `retentionDays.content` say, and sent ones for a week.",
  },
  "not-a-poll": { status: 409, title: "The message is not a poll" },
  "session-not-online": { status: 409, title: "The session is not online", retryable: true },
  "media-download-off": {
    status: 409,
    title: "The session does not fetch files",
    advice: "Set its `settings.mediaDownload` to `onDemand` or `all`.",
  },
  "idempotency-in-progress": {
    status: 409,
    title: "A request with this Idempotency-Key is in progress",
    advice: "The first request with this key has no answer yet. Repeat the request in a second.",
    retryable: true,
  },
  "session-ended": {
    status: 409,
    title: "The session has ended",
    advice: "The linked device is gone. Restart the session and link it again.",
  },
  "verification-approved": {
    status: 410,
    title: "The verification was already approved",
    advice: "A code is valid for one successful check. Treat this as a failure.",
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
  "range-not-satisfiable": {
    status: 416,
    title: "The file has no such range",
    advice: "The header `Content-Range` of this answer has the size of the file. One range is answered, not several.",
  },
  "unsupported-media-type": { status: 415, title: "The body must be application/json" },
  "code-incorrect": {
    status: 422,
    title: "The code is wrong",
    advice: "Let the user try again while `attemptsLeft` is above zero.",
  },
  "client-binding-mismatch": {
    status: 422,
    title: "The verification belongs to another client",
    advice: "Send the `clientVerifier` from the client that created the verification: its SHA-256 is the `challenge`.",
  },
  "media-not-fetched": {
    status: 422,
    title: "The file could not be fetched from its `url`",
    advice:
      "The `detail` says why. The address must be on the public internet, use https, and answer 200 within 30 seconds with at most three redirects.",
  },
  "vote-not-valid": {
    status: 422,
    title: "The poll does not take this vote",
    advice:
      "Each option must be one of the poll's, letter by letter, and there may be at most `maxSelections` of them.",
  },
  "whatsapp-refused": {
    status: 422,
    title: "WhatsApp refuses this",
    advice: "`whatsappCode` is WhatsApp's error code. The same request fails again.",
  },
  "idempotency-key-reused": {
    status: 422,
    title: "This Idempotency-Key belongs to another request",
    advice: "Use a new `Idempotency-Key` for each new request. Use the same key only to repeat a request.",
  },
  "destination-locked": {
    status: 429,
    title: "Too many failed checks for this destination",
    advice: "Too many wrong codes in a row for this number. Wait for the seconds in `retryAfter`.",
    retryable: true,
  },
  "rate-limited": {
    status: 429,
    title: "Too many requests",
    advice:
      "Wait for the seconds in `retryAfter`. The `detail` names the limit. The headers `RateLimit-Policy` and `RateLimit` of every answer show each limit and what is left of it. A network (IPv6: a /64) that sends more than 30 different unknown keys in a minute is refused, too.",
    retryable: true,
  },
  "lookups-exhausted": {
    status: 429,
    title: "The session has no lookups left for now",
    advice:
      "The session has asked WhatsApp about too many numbers, or too many without an account. WhatsApp bans accounts for this. Known numbers are still answered. Wait for the seconds in `retryAfter`, or name another session.",
    retryable: true,
  },
  "whatsapp-rate-limited": {
    status: 429,
    title: "WhatsApp limits the requests of this account",
    advice: "Wait for the seconds in `retryAfter`. WhatsApp can ban an account that continues.",
    retryable: true,
  },
  "destination-limited": {
    status: 429,
    title: "Too many codes for this destination",
    advice: "This number has received the most codes that its limits allow. Wait for the seconds in `retryAfter`.",
    retryable: true,
  },
  "resend-cooldown": {
    status: 429,
    title: "It is too early to send the code again",
    advice: "Wait for the seconds in `retryAfter`, then send the create request again.",
    retryable: true,
  },
  "sends-exhausted": {
    status: 429,
    title: "No sends are left for this verification",
    advice: "The policy's `maxSends` is reached. Check the code, cancel the verification, or wait until it expires.",
    retryable: true,
  },
  "internal-error": {
    status: 500,
    title: "Something went wrong; nothing was accepted",
    advice: "The fault is ours. Name the `requestId` when you contact us.",
    retryable: true,
  },
  "connector-unavailable": {
    status: 503,
    title: "The connector does not answer",
    advice: "Codes and messages are still accepted. Repeat the request in a few seconds.",
    retryable: true,
  },
  "media-unavailable": {
    status: 503,
    title: "The store of media does not answer; nothing was accepted",
    advice: "Repeat the request in a few seconds.",
    retryable: true,
  },
  "database-unavailable": {
    status: 503,
    title: "The database does not answer; nothing was accepted",
    advice: "Repeat the request in a few seconds with the same `Idempotency-Key`.",
    retryable: true,
  },
  "outcome-unknown": {
    status: 504,
    title: "WhatsApp has not acknowledged this; it may have happened",
    advice:
      "The one error above 499 after which something may have happened. Repeat the request with the same `Idempotency-Key`: it finds out, and nobody sees the action twice.",
    retryable: true,
  },
} as const satisfies Record<string, { status: number; title: string; advice?: string; retryable?: true }>;

/** The machine-readable name of an error. */
export type ErrorCode = keyof typeof errors;

/** Whether waiting can be enough: the same request may succeed later. */
export const isRetryable = (code: ErrorCode): boolean => "retryable" in errors[code];

/** What to do about an error, where its title is not enough. */
export const adviceFor = (code: ErrorCode): string | undefined => {
  const entry = errors[code];
  return "advice" in entry ? entry.advice : undefined;
};
