import { readFile } from "node:fs/promises";

const script = (path: string, url: URL) => ({ path, type: "text/javascript", url });

/** The page's own files: where they are served, what they are, where they lie. */
export const pageFiles = [
  { path: "/", type: "text/html", url: new URL("./page/index.html", import.meta.url) },
  { path: "/page.css", type: "text/css", url: new URL("./page/page.css", import.meta.url) },
  { path: "/message.css", type: "text/css", url: new URL("./page/message.css", import.meta.url) },
  script("/page.js", new URL("./page/page.js", import.meta.url)),
  script("/phone.js", new URL("./page/phone.js", import.meta.url)),
  script("/ask.js", new URL("./page/ask.js", import.meta.url)),
  script("/dom.js", new URL("./page/dom.js", import.meta.url)),
  script("/names.js", new URL("./page/names.js", import.meta.url)),
  script("/text.js", new URL("./page/text.js", import.meta.url)),
  script("/bubble.js", new URL("./page/bubble.js", import.meta.url)),
  script("/media.js", new URL("./page/media.js", import.meta.url)),
  script("/parts.js", new URL("./page/parts.js", import.meta.url)),
  script("/menu.js", new URL("./page/menu.js", import.meta.url)),
  script("/composer.js", new URL("./page/composer.js", import.meta.url)),
  script("/devices.js", new URL("./page/devices.js", import.meta.url)),
  script("/groups.js", new URL("./page/groups.js", import.meta.url)),
  script("/limits.js", new URL("./page/limits.js", import.meta.url)),
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
