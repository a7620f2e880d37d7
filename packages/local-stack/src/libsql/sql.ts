/** A SELECT, which writes nothing; what begins otherwise may. */
export const isSelect = (sql: string | undefined): boolean =>
  sql !== undefined && /^\s*(?:select|values|explain)\b/i.test(sql);

const quoted = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;

/** How many statements a text holds: 0, 1 or 2 for more. A trigger is one, whatever its body holds. */
export function countStatements(sql: string): 0 | 1 | 2 {
  const bare = sql.replace(quoted, (found) => (found.startsWith("-") || found.startsWith("/") ? " " : "''"));
  const parts = bare.split(";").filter((part) => part.trim() !== "");
  if (parts.length > 1 && /^\s*create\s+(?:temp(?:orary)?\s+)?trigger\b/i.test(bare)) return 1;
  return parts.length > 1 ? 2 : (parts.length as 0 | 1);
}

/** The parameters in the order of their numbers, `null` for those without a name. */
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
