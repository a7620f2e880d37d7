import { readFile } from "node:fs/promises";

const modules = [
  "page",
  "phone",
  "ask",
  "dom",
  "names",
  "text",
  "bubble",
  "media",
  "parts",
  "menu",
  "composer",
  "devices",
  "groups",
  "limits",
];

/** The page's own files: where they are served, what they are, where they lie. */
export const pageFiles = [
  { path: "/", type: "text/html", url: new URL("./page/index.html", import.meta.url) },
  { path: "/page.css", type: "text/css", url: new URL("./page/page.css", import.meta.url) },
  { path: "/message.css", type: "text/css", url: new URL("./page/message.css", import.meta.url) },
  ...modules.map((name) => ({
    path: `/${name}.js`,
    type: "text/javascript",
    url: new URL(`./page/${name}.js`, import.meta.url),
  })),
];

export function readPage(url: URL): Promise<string> {
  return readFile(url, "utf8");
}

export function pageHeaders(type: string): Record<string, string> {
  return {
    "content-type": `${type}; charset=utf-8`,
    "cache-control": "no-cache",
    "content-security-policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  };
}
