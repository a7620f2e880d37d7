import { AppError, type ErrorCode, errors, type Problem } from "@sandi/contracts";
import { Hono } from "hono";
import { createMiddleware } from "hono/factory";
import { html } from "hono/html";
import type { AppEnv } from "../http/app-env.ts";
import { wantsHtml } from "./landing.ts";
import { brand, page } from "./layout.ts";

const style = `
.status{font:600 .8rem/1 var(--mono);color:var(--soft)}
.one{padding:clamp(1.25rem,4vw,2rem)}
.one h1{margin:.6rem 0 .5rem}
.one p+p{margin-top:.9rem}
table{width:100%;border-collapse:collapse;margin-top:1.5rem;font-size:.95rem}
td{padding:.6rem .9rem;border-top:1px solid var(--line);vertical-align:baseline}
tr:first-child td{border-top:0}
td:first-child{width:1%;white-space:nowrap}
td:last-child{color:var(--soft)}
table.card{border-collapse:separate;border-spacing:0}
.back{display:inline-block;margin-top:1.5rem}
@media(max-width:34rem){td{display:block;padding:.15rem .9rem;border:0}td:first-child{padding-top:.8rem}td:last-child{padding-bottom:.8rem;border-bottom:1px solid var(--line)}}`;

/** What to do about an error, where its title does not say it all; names of fields in backticks. */
const advice: Partial<Record<ErrorCode, string>> = {
  "invalid-request": "The list `errors` names each wrong field and what is wrong with it. Correct it and send again.",
  "invalid-json": "Send the body as UTF-8 JSON.",
  unauthenticated:
    "Send `Authorization: Bearer` with a key of your workspace. Keys begin with `sandi_live_`, those of the sandbox with `sandi_test_`.",
  "test-keys-not-supported":
    "What lives at a connector has no place in the sandbox. Use a key that begins with `sandi_live_`.",
  "insufficient-scope":
    "The `detail` names what the calling key lacks: a scope, addresses, or time before it expires. Use a key that has it, or make one.",
  "address-not-allowed":
    "The key has a list of addresses. Call from one of them, or change the list with another key: `PATCH /v1/keys/{id}`.",
  "key-limit-reached": "Revoke a key that is not needed.",
  "hook-limit-reached": "Delete a hook that is not needed.",
  "signature-invalid":
    "The hook's address and its secret have to be those of the answer that made it, and the clocks within five minutes of each other. For what QStash delivers: its signing keys have to be the configured ones.",
  "last-manager-key":
    "Without this key nobody could manage the workspace. Create another live key with `key:manage` that does not expire, then repeat the request.",
  "hook-ended":
    "A hook ends with the API key that it belongs to. `GET /v1/hooks/supabase` shows which and why. Take the hook over: `PATCH` it with `adopt: true` and a live key that has `key:manage`, `otp:send` and `otp:custom`, and no list of addresses.",
  "key-ended": "A key that was revoked, was replaced or has expired stays so. Create another.",
  "alert-channel-limit-reached": "Delete an alert channel that is not needed.",
  "access-rule-exists": "The `detail` names it. Delete it first.",
  "access-rule-limit-reached": "Delete a rule that is not needed, or replace many by one for a prefix or a country.",
  "no-eligible-session": "Link a WhatsApp account: create a session and scan its QR code.",
  "session-limit-reached": "Delete a session that is not needed, or use one that is there.",
  "session-ended": "The linked device is gone. Restart the session and link it again.",
  "session-not-pairing":
    "A QR code is shown only while a session waits to be linked. Look at its state; restart it for new codes.",
  "policy-refuses": "The `detail` names the setting. Change the workspace's policy, or what you ask for.",
  "country-not-allowed": "Add the country to the policy's `countries`, or an allow rule for the number.",
  "destination-blocked":
    "A block rule of the workspace matches; it holds for codes and messages. Remove it, or add an allow rule for the number.",
  "prefix-blocked":
    "Codes for numbers with this beginning are hardly ever typed in, as when traffic is faked. Wait, lift the block, or add an allow rule.",
  "destination-limited": "This number was sent enough. Wait for the seconds in `retryAfter`.",
  "lookups-exhausted":
    "The session has asked WhatsApp about many numbers, or about too many that have no account, which is a way to lose it. What is known is answered still; wait for the seconds in `retryAfter`, or name another session.",
  "client-binding-mismatch":
    "Send the `clientVerifier` whose SHA-256 the verification was created with, from the client that did so.",
  "idempotency-in-progress": "The first request with this key has not been answered yet. Ask again in a second.",
  "code-incorrect": "Let the user try again while `attemptsLeft` is above zero.",
  "max-attempts-reached": "Create a new verification; it has a new code.",
  "verification-undeliverable":
    "Nobody received this code. Create another verification, or reach the user in another way.",
  "verification-expired": "Create a new verification; it has a new code.",
  "verification-approved": "A code is good for one check. Treat this as a failure.",
  "resend-cooldown": "Wait for the seconds in `retryAfter`, then create again.",
  "sends-exhausted": "The code was sent five times. Check it, cancel the verification, or wait until it expires.",
  "destination-locked": "Too many wrong codes in a row for this number. Wait for the seconds in `retryAfter`.",
  "rate-limited":
    "Wait for the seconds in `retryAfter`. The `detail` names the limit; the headers `RateLimit-Policy` and `RateLimit` tell on every answer what each allows and what is left of it. A network (IPv6: a /64) that sends more than 30 different unknown keys in a minute is refused, too.",
  "idempotency-key-reused": "Use a new `Idempotency-Key` for every new request, and the same one only to repeat it.",
  "connector-unavailable": "Codes and messages are still accepted. Ask again in a few seconds.",
  "database-unavailable": "Send the same request again in a moment, best with the same `Idempotency-Key`.",
  "internal-error": "Our fault. Name the `requestId` when you ask us about it.",
};

export const problemPages = new Hono<AppEnv>()
  .get("/problems", async (c): Promise<Response> => {
    c.header("Vary", "Accept");
    const all = Object.entries(errors).map(([code, { status, title }]) => ({ code, status, title }));
    if (!wantsHtml(c.req.header("accept"))) return c.json({ problems: all });
    const rows = all.map(
      ({ code, status, title }) =>
        html`<tr>
          <td>
            <span class="status">${status}</span>&ensp;<a href="/problems/${code}"><code>${code}</code></a>
          </td>
          <td>${title}</td>
        </tr>`,
    );
    return page(c, {
      title: "Problems · Sandi",
      style,
      main: html`${brand}
        <h1>Problems</h1>
        <table class="card">
          ${rows}
        </table>`,
    });
  })
  .get("/problems/:code", async (c): Promise<Response> => {
    const code = c.req.param("code");
    if (!isCode(code)) throw new AppError("not-found");
    const { status, title } = errors[code];
    c.header("Vary", "Accept");
    if (!wantsHtml(c.req.header("accept"))) return c.json({ code, status, title, advice: advice[code] ?? null });
    return page(c, explanation(code));
  });

/** A person who meets a problem in a browser gets its page in place of the JSON. */
export const explained = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  if (c.res.headers.get("content-type") !== "application/problem+json") return;
  if (c.req.method !== "GET" || !wantsHtml(c.req.header("accept"))) return;
  const { code, status, detail } = await c.res.json<Problem>();
  const { body, headers } = await page(c, explanation(code, detail));
  c.res = new Response(body, { status, headers });
  c.res.headers.set("Vary", "Accept");
});

function explanation(code: ErrorCode, detail?: string) {
  const { status, title } = errors[code];
  return {
    title: `${title} · Sandi`,
    style,
    main: html`${brand}
      <article class="card one">
        <p class="status">${status} ${code}</p>
        <h1>${title}</h1>
        ${[detail, advice[code]].map((text) => (text === undefined ? "" : html`<p>${withCode(text)}</p>`))}
      </article>
      <a class="back" href="/problems">All problems</a>`,
  };
}

/** What stands in backticks in the font of code. */
const withCode = (text: string) => text.split("`").map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part));

const isCode = (text: string): text is ErrorCode => Object.hasOwn(errors, text);
