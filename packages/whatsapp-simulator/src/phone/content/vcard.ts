interface Card {
  name: string;
  phones: { number: string; label?: string | undefined }[];
  organization?: string | undefined;
  email?: string | undefined;
}

/** A vCard as an Android phone writes it. */
export function writeCard({ name, phones, organization, email }: Card): string {
  const numbers = phones.flatMap(({ number, label }, index) => [
    `item${index + 1}.TEL;waid=${number.replaceAll(/\D/g, "")}:${number}`,
    ...(label === undefined ? [] : [`item${index + 1}.X-ABLabel:${escape(label)}`]),
  ]);
  return [
    "BEGIN:VCARD",
    "VERSION:3.0",
    `N:${escape(name)};;;;`,
    `FN:${escape(name)}`,
    ...(organization === undefined ? [] : [`ORG:${escape(organization)};`]),
    ...numbers,
    ...(email === undefined ? [] : [`EMAIL:${escape(email)}`]),
    "END:VCARD",
  ].join("\n");
}

/** What a phone shows of a vCard 3.0: continued lines are joined, escaped signs are shown. */
export function readCard(vcard: string, name: string): Card {
  const lines = vcard.replaceAll(/\r?\n /g, "").split(/\r?\n/);
  const valueOf = (property: RegExp) => {
    const found = lines.find((line) => property.test(line));
    return found && unescape(found.slice(found.indexOf(":") + 1).replace(/;$/, ""));
  };
  const phones = lines.flatMap((line) => {
    const [, item, waid, number] = /^(?:(item\d+)\.)?TEL(?:;(?:waid=(\d+)|[^;:]*))*:(.*)$/i.exec(line) ?? [];
    if (number === undefined) return [];
    const label = item && valueOf(new RegExp(`^${item}\\.X-ABLabel:`, "i"));
    return [{ number: waid === undefined ? number : `+${waid}`, ...(label && { label }) }];
  });
  const [organization, email] = [valueOf(/^ORG[;:]/), valueOf(/^EMAIL[;:]/)];
  return { name, phones, ...(organization && { organization }), ...(email && { email }) };
}

const escape = (text: string) => text.replaceAll(/([\\;,])/g, "\\$1").replaceAll("\n", "\\n");
const unescape = (text: string) =>
  text.replaceAll(/\\([\\;,nN])/g, (_, sign: string) => (/n/i.test(sign) ? "\n" : sign));
