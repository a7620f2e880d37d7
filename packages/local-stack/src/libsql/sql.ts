/** True for a SELECT, which writes nothing. */
export const isSelect = (sql: string | undefined): boolean =>
  sql !== undefined && /^\s*(?:select|values|explain)\b/i.test(sql);

const quoted = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;

const withoutQuoted = (sql: string) =>
  sql.replace(quoted, (found) => (found.startsWith("-") || found.startsWith("/") ? " " : "''"));

/** How a statement writes rows: `insert` adds rows, `change` updates or deletes them. */
export type Change = "insert" | "change";

/** Undefined for a statement that writes no rows, such as a SELECT or a COMMIT. */
export function changeOf(sql: string): Change | undefined {
  let bare = withoutQuoted(sql);
  // The statement after WITH is the one outside of all parentheses.
  for (let before = ""; before !== bare;) {
    before = bare;
    bare = bare.replace(/\([^()]*\)/g, " ");
  }
  const verb = /^\s*(?:with\b.*?\b)?(insert|replace|update|delete|select|values)\b/is.exec(bare)?.[1]?.toLowerCase();
  if (verb === "insert" || verb === "replace") return "insert";
  return verb === "update" || verb === "delete" ? "change" : undefined;
}

/** The number of statements in a text; 2 means two or more. A trigger with its body is one statement. */
export function countStatements(sql: string): 0 | 1 | 2 {
  const bare = withoutQuoted(sql);
  const parts = bare.split(";").filter((part) => part.trim() !== "");
  if (parts.length > 1 && /^\s*create\s+(?:temp(?:orary)?\s+)?trigger\b/i.test(bare)) return 1;
  return parts.length > 1 ? 2 : (parts.length as 0 | 1);
}

/** The parameters' names in the order of their numbers; `null` for a parameter without a name. */
export function parametersOf(sql: string): (string | null)[] {
  const names: (string | null)[] = [];
  for (const [found] of sql.replace(quoted, "''").matchAll(/\?\d*|[:@$][A-Za-z_]\w*/g)) {
    const number = /^\?\d+$/.test(found) ? Number(found.slice(1)) : undefined;
    if (number !== undefined) {
      while (names.length < number) names.push(null);
      names[number - 1] = found;
    } else if (found === "?") names.push(null);
    else if (!names.includes(found)) names.push(found);
  }
  return names;
}
