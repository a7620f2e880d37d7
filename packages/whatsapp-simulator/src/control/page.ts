import { readFile } from "node:fs/promises";

const folder = new URL("page/", import.meta.url);
const read = new Map<string, string>();

export async function readPage(file: "index.html" | "page.css" | "page.js" | "bubble.js"): Promise<string> {
  const known = read.get(file);
  if (known !== undefined) return known;
  const text = await readFile(new URL(file, folder), "utf8");
  read.set(file, text);
  return text;
}

export function pageHeaders(type: string): Record<string, string> {
  return {
    "content-type": `${type}; charset=utf-8`,
    "cache-control": "no-cache",
    "content-security-policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  };
}
