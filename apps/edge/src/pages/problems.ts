import { adviceFor, AppError, type ErrorCode, errors, isRetryable, type Problem } from "@sandi/contracts";
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
    if (!wantsHtml(c.req.header("accept"))) {
      return c.json({ code, status, title, retryable: isRetryable(code), advice: adviceFor(code) ?? null });
    }
    return page(c, explanation(code));
  });

/** In a browser, a problem is shown as its page instead of JSON. */
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
        ${[detail, adviceFor(code)].map((text) => (text === undefined ? "" : html`<p>${withCode(text)}</p>`))}
      </article>
      <a class="back" href="/problems">All problems</a>`,
  };
}

/** Text in backticks becomes code. */
const withCode = (text: string) => text.split("`").map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part));

const isCode = (text: string): text is ErrorCode => Object.hasOwn(errors, text);
