import type { SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";
import { nativeFlow, readNativeFlow, textIn } from "./native-flow.ts";
import { numberedText } from "./numbered.ts";
import type { WireMessage } from "./wire.ts";

type List = Extract<SealedContent, { type: "list" }>;

export const list: Kind<List> = {
  toProto({ text, buttonText, footer, sections, render }) {
    if (render === "text") {
      const groups = sections.map(({ title, rows }) => ({
        title,
        options: rows.map((row) => ({ text: row.title, description: row.description })),
      }));
      return { extendedTextMessage: { text: numberedText({ text, footer, groups }) } };
    }
    const parameters = {
      title: buttonText,
      sections: sections.map(({ title = "", rows }) => ({
        title,
        rows: rows.map(({ id, title: header, description = "" }) => ({ id, title: header, description })),
      })),
    };
    return nativeFlow({ text, footer, buttons: [{ name: "single_select", parameters }] });
  },
  fromProto(message) {
    const { text, footer, buttonText, sections } = readSelect(message) ?? readLegacy(message) ?? {};
    if (text === undefined || !buttonText || !sections?.length) return null;
    return { type: "list", text, buttonText, ...(footer ? { footer } : {}), sections, render: "native" };
  },
};

function readSelect(message: WireMessage) {
  const flow = readNativeFlow(message);
  const only = flow?.buttons.length === 1 ? flow.buttons[0] : undefined;
  if (!flow || only?.name !== "single_select") return null;
  const { title, sections } = only.parameters;
  return { text: flow.text, footer: flow.footer, buttonText: textIn(title), sections: readSections(sections) };
}

/** A list as clients sent it until 2023. */
function readLegacy({ listMessage }: WireMessage) {
  if (!listMessage) return null;
  const { title, description, footerText, buttonText, sections } = listMessage;
  const own = (sections ?? []).map((section) => ({
    title: section.title,
    rows: section.rows?.map((row) => ({ id: row.rowId, title: row.title, description: row.description })),
  }));
  const text = [title, description].filter(Boolean).join("\n");
  return { text, footer: footerText ?? undefined, buttonText: buttonText ?? "", sections: readSections(own) };
}

/** Sections of somebody else's message; rows without an id or a title are left out. */
function readSections(value: unknown): List["sections"] {
  return objects(value).flatMap(({ title, rows: all }) => {
    const rows = objects(all).flatMap((row) => {
      const [id, header, description] = [textIn(row["id"]), textIn(row["title"]), textIn(row["description"])];
      return id && header ? [{ id, title: header, ...(description ? { description } : {}) }] : [];
    });
    return rows.length > 0 ? [{ ...(textIn(title) ? { title: textIn(title) } : {}), rows }] : [];
  });
}

const objects = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === "object" && each !== null) : [];
