import { readFile } from "node:fs/promises";

/** The page's own files: where they are served, what they are, where they lie. */
export const pageFiles = [
  { path: "/", type: "text/html", url: new URL("./page/index.html", import.meta.url) },
  { path: "/page.css", type: "text/css", url: new URL("./page/page.css", import.meta.url) },
  { path: "/page.js", type: "text/javascript", url: new URL("./page/page.js", import.meta.url) },
  { path: "/phone.js", type: "text/javascript", url: new URL("./page/phone.js", import.meta.url) },
  { path: "/groups.js", type: "text/javascript", url: new URL("./page/groups.js", import.meta.url) },
  { path: "/limits.js", type: "text/javascript", url: new URL("./page/limits.js", import.meta.url) },
  { path: "/bubble.js", type: "text/javascript", url: new URL("./page/bubble.js", import.meta.url) },
];

export function readPage(url: URL): Promise<string> {
  return readFile(url, "utf8");
}

export function pageHeaders(type: string): Record<string, string> {
  return {
    "content-type": `${type}; charset=utf-8`,
    "cache-control": "no-cache",
    "content-security-policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  };
}
