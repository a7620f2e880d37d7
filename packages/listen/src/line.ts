import type { Event, Person } from "@sandi/contracts";

/** Writes a text in a style of `util.styleText`, or as it is. */
export type Paint = (
  style: "dim" | "red" | "green" | "yellow" | "cyan" | "magenta" | "blue" | "bold",
  text: string,
) => string;

const colours: Record<string, Parameters<Paint>[0]> = {
  message: "cyan",
  poll: "cyan",
  verification: "green",
  session: "magenta",
  chat: "blue",
  batch: "blue",
};
const failures = /\.(failed|undeliverable|blocked|max_attempts_reached)$/;

/** An event in one line: its time, its type, its ids, and what is worth knowing. */
export function lineOf(event: Event, paint: Paint): string {
  const { type, at, messageId, verificationId, sessionId, isTest } = event;
  const family = type.slice(0, type.indexOf("."));
  const colour = failures.test(type) ? "red" : (colours[family] ?? "yellow");
  const ids = [verificationId, messageId, sessionId].filter((id) => id !== null);
  return [
    paint("dim", timeOf(at)),
    paint(colour, plain(type).padEnd(22)),
    ...(isTest ? [paint("yellow", "test")] : []),
    ...detailsOf(event),
    paint("dim", ids.map(plain).join(" ")),
  ]
    .filter((part) => part !== "")
    .join("  ");
}

const two = (part: number) => String(part).padStart(2, "0");

/** The time of day on this machine. */
function timeOf(at: string): string {
  const time = new Date(at);
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  return `${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

const longest = 60;

/** Who, what was written, and what the event adds. */
function detailsOf({ data, change }: Event): string[] {
  const from = (data?.["from"] ?? change["from"]) as Partial<Person> | null | undefined;
  const content = (data?.["content"] ?? change) as Record<string, unknown>;
  const added = Object.entries(change).flatMap(([name, value]) =>
    (typeof value === "string" || typeof value === "number") && !/^(text|formerText|emoji)$|Id$|At$/.test(name)
      ? [`${name}=${value}`]
      : [],
  );
  const options = Array.isArray(content["options"]) ? content["options"].join(", ") : undefined;
  const written = content["emoji"] ?? content["text"] ?? content["caption"] ?? options;
  const parts = [
    from ? `from ${from.name ?? from.phone ?? "somebody"}` : typeof data?.["to"] === "string" && `to ${data["to"]}`,
    ...added,
    typeof written === "string" && written !== "" && `“${written}”`,
  ];
  return parts.filter((part) => typeof part === "string").map((part) => shorten(plain(part)));
}

const shorten = (text: string) => (text.length > longest ? `${text.slice(0, longest - 1)}…` : text);

/** Without characters that move the cursor, change colours or the direction of writing: people may write anything. */
export const plain = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");

/** An event as JSON in one line. JSON may hold such characters as they are: here they are escaped. */
export const jsonLineOf = (event: Event): string =>
  JSON.stringify(event).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
