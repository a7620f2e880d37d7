/** `{{name}}`, with spaces around the name or not. Other braces are text. */
const placeholder = /\{\{ *([A-Za-z][A-Za-z0-9_]{0,39}) *\}\}/g;

export type Variables = Readonly<Record<string, string | number>>;

/**
 * The content with the recipient's values in all its texts. A value is not searched for variables again.
 * @returns also the names that have no value
 */
export function render<Value>(content: Value, variables: Variables): { content: Value; unknown: string[] } {
  const unknown = new Set<string>();
  const inText = (text: string) =>
    text.replaceAll(placeholder, (written, name: string) => {
      if (Object.hasOwn(variables, name)) return String(variables[name]);
      unknown.add(name);
      return written;
    });
  const inValue = (value: unknown): unknown => {
    if (typeof value === "string") return inText(value);
    if (Array.isArray(value)) return value.map(inValue);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, inValue(each)]));
  };
  return { content: inValue(content) as Value, unknown: [...unknown] };
}
