import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const root = fileURLToPath(new URL("../../../", import.meta.url));

/** One fenced block of a page: the first word after the fence, the words behind it, and the text without the indent. */
export interface Block {
  language: string;
  kind: string;
  text: string;
}

/** A page of the documentation, with its path from the repository's root. */
export interface Page {
  path: string;
  text: string;
  blocks: Block[];
}

const fence = /^( *)```(\S*) ?(.*)\n([\s\S]*?)^ *```$/gm;

/** README.md, ARCHITECTURE.md and everything in docs/. */
export function readPages(): Page[] {
  const inDocs = readdirSync(join(root, "docs")).map((name) => `docs/${name}`);
  return ["README.md", "ARCHITECTURE.md", ...inDocs.toSorted()].map((path) => {
    const text = readFileSync(join(root, path), "utf8");
    const blocks = [...text.matchAll(fence)].map(([, indent = "", language = "", kind = "", body = ""]) => ({
      language,
      kind,
      text: body.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
    }));
    return { path, text, blocks };
  });
}

/** The cells of a page's tables, row by row, without the heads. Backquotes stay. */
export function rowsOf(text: string): string[][] {
  return text
    .split("\n")
    .filter(
      (line, index, lines) =>
        line.startsWith("|") && !/^\| *:?-/.test(line) && !/^\| *:?-/.test(lines[index + 1] ?? ""),
    )
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** The text under this heading, up to the next heading of the same or a higher level. */
export function section(text: string, heading: string): string {
  const lines = text.split("\n");
  const from = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
  if (from < 0) throw new Error(`no heading "${heading}"`);
  const level = /^#+/.exec(lines[from] ?? "")?.[0].length ?? 1;
  const length = lines.slice(from + 1).findIndex((line) => new RegExp(`^#{1,${level}} `).test(line));
  return lines.slice(from + 1, length < 0 ? undefined : from + 1 + length).join("\n");
}

/** Everything between single backquotes. */
export const inlineCode = (text: string): string[] =>
  [...text.replaceAll(fence, "").matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
