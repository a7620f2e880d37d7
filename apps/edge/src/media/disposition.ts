const parameter = /;\s*([a-z*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]*))/gi;

/** The parameters of a `Content-Disposition` header (RFC 6266), by their names in lower case. */
export function dispositionOf(header: string): Map<string, string> {
  return new Map(
    Array.from(header.matchAll(parameter), ([, name = "", quoted, plain = ""]) => [
      name.toLowerCase(),
      quoted === undefined ? plain : quoted.replaceAll(/\\(.)/g, "$1"),
    ]),
  );
}

/** The file's name in these parameters, cleaned; undefined if nothing is left. */
export function fileNameOf(parameters: ReadonlyMap<string, string>): string | undefined {
  const extended = /^utf-8'[^']*'(.*)$/i.exec(parameters.get("filename*") ?? "")?.[1];
  return cleanFileName((extended === undefined ? undefined : decoded(extended)) ?? parameters.get("filename") ?? "");
}

/** Without a path, control characters, and characters that turn the direction of writing. */
export function cleanFileName(name: string): string | undefined {
  const [base = ""] = name.split(/[/\\]/).slice(-1);
  const clean = base
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "")
    .trim();
  const short = Array.from(clean).slice(0, 120).join("");
  return short === "" ? undefined : short;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
