/** What a page says of itself. */
export interface PageWords {
  title: string;
  description?: string;
  /** The address of its picture, as it is written. */
  image?: string;
}

const mostTags = 500;
const titleLength = 200;
const descriptionLength = 500;
const addressLength = 2048;

/** Reads the title and the description of a page, those for social networks first; null without a title. */
export function readPageWords(html: string): PageWords | null {
  const metas = new Map<string, string>();
  for (const attributes of tags(html, /<meta/gi)) {
    const name = (attributes.get("property") ?? attributes.get("name") ?? "").toLowerCase();
    const content = attributes.get("content") ?? "";
    if (!metas.has(name)) metas.set(name, content);
  }
  const title = firstOf(titleLength, metas.get("og:title"), metas.get("twitter:title"), titleOf(html));
  const description = firstOf(descriptionLength, metas.get("og:description"), metas.get("description"));
  if (title === undefined) return null;
  const image = firstOf(
    addressLength,
    metas.get("og:image:secure_url"),
    metas.get("og:image"),
    metas.get("twitter:image"),
  );
  return {
    title,
    ...(description === undefined ? {} : { description }),
    ...(image === undefined ? {} : { image }),
  };
}

const firstOf = (length: number, ...texts: (string | undefined)[]): string | undefined =>
  texts.map((text) => plain(text ?? "", length)).find((text) => text !== "");

/** The attributes of each such tag. Every step goes forward, so that the time grows with the page only. */
function* tags(html: string, opening: RegExp): Generator<Map<string, string>> {
  const attribute = /[\s/]*([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]*)))?/y;
  for (let count = 0; count < mostTags && opening.exec(html); count++) {
    const found = new Map<string, string>();
    attribute.lastIndex = opening.lastIndex;
    for (let match = attribute.exec(html); match; match = attribute.exec(html)) {
      const [, name = "", double, single, bare] = match;
      found.set(name.toLowerCase(), double ?? single ?? bare ?? "");
      opening.lastIndex = attribute.lastIndex;
    }
    yield found;
  }
}

function titleOf(html: string): string | undefined {
  const start = html.search(/<title/i);
  const open = start < 0 ? -1 : html.indexOf(">", start);
  const text = open < 0 ? "" : html.slice(open + 1);
  const length = text.search(/<\/title/i);
  return length < 0 ? undefined : text.slice(0, length);
}

const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };

/** On one line, without entities and without characters that nobody sees. */
function plain(text: string, length: number): string {
  const decoded = text
    .slice(0, 4 * length)
    .replaceAll(/&(#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,4});/gi, (whole, name: string) => {
      if (!name.startsWith("#")) return entities[name.toLowerCase()] ?? whole;
      const point = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
      return point > 0 && point <= 0x10_ff_ff ? String.fromCodePoint(point) : "";
    });
  const line = decoded
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, "")
    .trim();
  return Array.from(line).slice(0, length).join("").trim();
}
