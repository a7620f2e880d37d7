import { Hono } from "hono";
import { html } from "hono/html";
import type { AppEnv } from "../http/app-env.ts";
import { brand, page } from "./layout.ts";

export const version = "0.1.0";

const style = `
.lead{font-size:1.125rem;margin:.9rem 0 2rem;max-width:34rem;text-wrap:balance}
pre{padding:1.1rem 1.25rem;overflow-x:auto;line-height:1.7;tab-size:2}
pre .soft{user-select:none}
nav{display:grid;grid-template-columns:repeat(auto-fit,minmax(11.5rem,1fr));gap:.75rem;margin-top:.75rem}
nav a{padding:1rem 1.15rem;text-decoration:none;color:inherit;transition:border-color .15s}
nav a:hover{border-color:var(--accent)}
nav b{display:block;font-weight:620;color:var(--accent)}
nav span{font-size:.9rem}`;

export const landing = new Hono<AppEnv>().get("/", async (c): Promise<Response> => {
  const { publicUrl } = c.env.services;
  const links = { docs: "/docs", openapi: "/openapi.json", problems: "/problems", health: "/health/ready" };
  c.header("Vary", "Accept");
  if (!wantsHtml(c.req.header("accept"))) {
    const absolute = Object.fromEntries(Object.entries(links).map(([name, path]) => [name, publicUrl + path]));
    return c.json({ name: "Sandi", version, links: absolute });
  }
  return page(c, {
    title: "Sandi",
    style,
    main: html`${brand}
      <h1>Codes and messages over&nbsp;WhatsApp</h1>
      <p class="lead soft">Send a code to a number, check what the user typed. One request each.</p>
      <pre class="card"><span class="soft">$ </span>curl ${publicUrl}/v1/verifications \\
    -H "Authorization: Bearer $KEY" \\
    --json '{"to":"+6281234567890"}'</pre>
      <nav>
        <a class="card" href="${links.docs}"><b>API reference</b><span class="soft">Try every request here</span></a>
        <a class="card" href="${links.problems}"><b>Problems</b><span class="soft">Every error, explained</span></a>
        <a class="card" href="${links.openapi}"><b>OpenAPI</b><span class="soft">3.1, for your tools</span></a>
      </nav>`,
  });
});

/** Browsers accept HTML; all other clients get JSON. */
export const wantsHtml = (accept: string | undefined) => accept?.includes("text/html") === true;
