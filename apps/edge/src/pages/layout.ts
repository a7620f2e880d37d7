import type { Context } from "hono";
import { html, raw } from "hono/html";
import type { AppEnv } from "../http/app-env.ts";
import { base64url } from "@sandi/crypto";

type Markup = ReturnType<typeof html>;

interface Page {
  title: string;
  main: Markup;
  /** Runs after the page has loaded. It may fetch from the same origin only. */
  script?: string;
  style?: string;
}

/** An HTML answer in the common style, light and dark. Only its own style and script may run. */
export async function page(c: Context<AppEnv>, { title, main, script, style = "" }: Page): Promise<Response> {
  const nonce = base64url(c.env.services.random(16));
  c.set(
    "contentSecurityPolicy",
    `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  return c.html(
    await html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <meta name="robots" content="noindex" />
          <title>${title}</title>
          <link rel="icon" href="${icon}" />
          <style nonce="${nonce}">
            ${raw(commonStyle + style)}
          </style>
        </head>
        <body>
          <main>${main}</main>
          ${
            script === undefined
              ? ""
              : html`<script nonce="${nonce}">
                  ${raw(script)};
                </script>`
          }
        </body>
      </html>`,
  );
}

/** The logo: four dots of a code, three of them typed. */
const mark = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#0b7a5e"/><circle cx="10" cy="11" r="3.2" fill="#fff"/><circle cx="22" cy="11" r="3.2" fill="#fff"/><circle cx="10" cy="21.5" r="3.2" fill="#fff"/><circle cx="22" cy="21.5" r="2.5" fill="none" stroke="#fff" stroke-width="1.6"/></svg>`;
const icon = `data:image/svg+xml,${encodeURIComponent(mark)}`;

export const brand = html`<a class="brand" href="/"
  ><img alt="" width="28" height="28" src="${icon}" /><span>Sandi</span></a
>`;

const commonStyle = `
:root{color-scheme:light dark;--ground:light-dark(#f6f5f1,#121413);--card:light-dark(#fff,#1b1e1d);--ink:light-dark(#191c1b,#eceeec);
--soft:light-dark(#5c6461,#9aa3a0);--line:light-dark(#e3e1da,#2c302f);--accent:light-dark(#0b7a5e,#4cc9a3);--bad:light-dark(#b3382c,#f08a7e);
--mono:ui-monospace,"SF Mono","Cascadia Mono",Menlo,Consolas,monospace}
*{box-sizing:border-box;margin:0}
body{min-height:100dvh;display:grid;grid-template-columns:minmax(0,1fr);place-items:center;padding:clamp(1rem,4vw,3rem);background:var(--ground);color:var(--ink);
font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;-webkit-text-size-adjust:100%}
main{width:100%;max-width:44rem}
h1{font-size:clamp(1.7rem,1.2rem + 2.4vw,2.4rem);line-height:1.15;letter-spacing:-.025em;text-wrap:balance}
h2{font-size:1rem;letter-spacing:-.01em}
p{text-wrap:pretty}
a{color:var(--accent);text-underline-offset:.2em;text-decoration-thickness:1px}
a:focus-visible{outline:2px solid var(--accent);outline-offset:3px;border-radius:4px}
code,pre{font-family:var(--mono);font-size:.875em}
.brand{display:inline-flex;align-items:center;gap:.6rem;color:inherit;text-decoration:none;font-weight:650;letter-spacing:-.01em;margin-bottom:2rem}
.soft{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px}
`;
