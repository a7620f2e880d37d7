/** `sentTo` → `sent_to`, as the database names it. */
export const snakeCase = remembered((name) => name.replace(/(?<=[^A-Z])[A-Z]/g, "_$&").toLowerCase());

/** `sent_to` → `sentTo`, as the code names it. */
export const camelCase = remembered((name) => name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase()));

/** The names are those of the code and of the schema, so few are remembered. */
function remembered(convert: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    let converted = known.get(name);
    if (converted === undefined) known.set(name, (converted = convert(name)));
    return converted;
  };
}
