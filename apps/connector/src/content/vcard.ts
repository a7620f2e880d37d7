import type { Content } from "@sandi/contracts";

/** A contact card as it is in the API. */
export type Contact = Extract<Content, { type: "contacts" }>["contacts"][number];

const lineBytes = 75;

/** Writes a vCard 3.0 (RFC 2426). `waid` is what makes phones offer a chat with the number. */
export function writeVcard({ name, phones, organization, email }: Contact): string {
  const lines = ["BEGIN:VCARD", "VERSION:3.0", `N:;${escaped(name)};;;`, `FN:${escaped(name)}`];
  if (organization !== undefined) lines.push(`ORG:${escaped(organization)}`);
  phones.forEach(({ number, label }, index) => {
    const group = `item${index + 1}`;
    lines.push(`${group}.TEL;waid=${number.slice(1)}:${number}`);
    if (label !== undefined) lines.push(`${group}.X-ABLabel:${escaped(label)}`);
  });
  if (email !== undefined) lines.push(`EMAIL;TYPE=INTERNET:${escaped(email)}`);
  return [...lines, "END:VCARD", ""].map(folded).join("\r\n");
}

/** Reads a vCard of any version, leniently; null without a name and without a phone. */
export function readVcard(vcard: string): Contact | null {
  const properties = vcard
    .replaceAll(/\r?\n[ \t]/g, "")
    .split(/\r?\n/)
    .flatMap(readProperty);
  const valueOf = (wanted: string) => properties.find(({ name }) => name === wanted)?.value;
  const labelOf = (wanted: string) =>
    properties.find(({ name, group }) => name === "X-ABLABEL" && group === wanted)?.value;
  const phones = properties.flatMap(({ name: property, value, group, parameters }) => {
    if (property !== "TEL") return [];
    const waid = parameters.find((each) => /^waid=\d+$/i.test(each))?.slice(5);
    const number = waid === undefined ? unescaped(value).replace(/^tel:/i, "") : `+${waid}`;
    const label = group === undefined ? undefined : labelOf(group);
    // Apple marks the labels that it translates.
    const shown = label === undefined ? typeIn(parameters) : unescaped(label).replace(/^_\$!<(.*)>!\$_$/, "$1");
    return shown ? { number, label: shown } : { number };
  });
  const written =
    valueOf("FN") ??
    valueOf("N")
      ?.split(/(?<!\\);/)
      .filter(Boolean)
      .toReversed()
      .join(" ");
  const name = unescaped(written ?? "").trim() || (phones[0]?.number ?? "");
  if (name === "") return null;
  const organization = parts(valueOf("ORG"));
  const email = unescaped(valueOf("EMAIL") ?? "");
  return { name, phones, ...(organization ? { organization } : {}), ...(email ? { email } : {}) };
}

interface Property {
  group: string | undefined;
  name: string;
  parameters: string[];
  value: string;
}

/** One unfolded line: `group.NAME;parameter=value:value`. */
function readProperty(line: string): Property[] {
  const colon = /^(?:[^":]|"[^"]*")*:/.exec(line)?.[0].length;
  if (colon === undefined) return [];
  const [head = "", ...parameters] = line.slice(0, colon - 1).split(";");
  const dot = head.indexOf(".");
  const group = dot < 0 ? undefined : head.slice(0, dot).toLowerCase();
  return [{ group, name: head.slice(dot + 1).toUpperCase(), parameters, value: line.slice(colon) }];
}

const ordinary = /^(?:voice|pref|internet|x-)/i;

/** The first type of a phone that says something of it. */
function typeIn(parameters: string[]): string | undefined {
  const types = parameters.flatMap((each) => /^type="?(.*?)"?$/i.exec(each)?.[1]?.split(",") ?? []);
  return types.find((type) => !ordinary.test(type))?.toLowerCase();
}

/** The name of an organization and its units. */
const parts = (value = "") =>
  value
    .split(/(?<!\\);/)
    .map(unescaped)
    .filter(Boolean)
    .join(", ");

const escaped = (text: string) => text.replaceAll(/[\\;,]/g, String.raw`\$&`).replaceAll(/\r?\n/g, String.raw`\n`);

const unescaped = (text: string) =>
  text.replaceAll(/\\(.)/g, (_, sign: string) => (sign === "n" || sign === "N" ? "\n" : sign));

/** A line of at most 75 bytes, continued on the next ones; no character is cut. */
function folded(line: string): string {
  let out = "";
  let room = lineBytes;
  for (const sign of line) {
    const size = Buffer.byteLength(sign);
    if (size > room) {
      out += "\r\n ";
      room = lineBytes - 1;
    }
    out += sign;
    room -= size;
  }
  return out;
}
