import { z } from "zod";
import { person } from "./shared.ts";

/** The `to` of a story: a message that the chosen people see for 24 hours, in no chat. */
export const storyAddress = "status";

/** The kinds that a story can be. */
const storyTypes: readonly string[] = ["text", "image", "video", "voice"];

/** How the text of a story is written, by the number of the font in the protocol. */
export const storyFonts = {
  system: 0,
  script: 2,
  bold: 6,
  "morning-breeze": 7,
  calistoga: 8,
  exo2: 9,
  "courier-prime": 10,
} as const;
export type StoryFont = keyof typeof storyFonts;

const forText = 'Of a story (`to: "status"`) with a text';

/** The fields of a text that only stories have. */
export const storyText = {
  content: {
    background: z
      .string()
      .regex(/^#[0-9A-Fa-f]{6}$/, "must be a colour such as #1fa855")
      .optional()
      .meta({ description: `${forText}: the colour behind it.`, example: "#1fa855" }),
    font: z
      .enum(Object.keys(storyFonts) as [StoryFont, ...StoryFont[]])
      .optional()
      .meta({ description: `${forText}: its font.` }),
  },
  /** Without limits: a newer edge may have others. */
  sealed: { background: z.string().optional(), font: z.string().optional() },
};

/** Who sees a story. */
export const audience = z.strictObject({ people: z.array(person).min(1).max(1_000) }).meta({
  description:
    'Of a story (`to: "status"`), and required for it: the people who can see it, 1 to 1,000, each by number (E.164), by id (`per_…`) or by hidden id (`…@lid`). WhatsApp shows a story only to people who have saved the account\'s number.',
  example: { people: ["+6281234567890"] },
});

interface Written {
  to: string;
  type: string;
  audience?: unknown;
  [field: string]: unknown;
}

/** What is wrong with a story, or with a message that has a story's fields: the field, and why. */
export function storyErrors(message: Written): [field: string, why: string][] {
  if (message.to !== storyAddress) {
    const ofStories = ["audience", "background", "font"].filter((field) => message[field] !== undefined);
    return ofStories.map((field) => [field, 'is for a story: its `to` is "status"']);
  }
  if (!storyTypes.includes(message.type)) return [["type", `is no story: that is ${storyTypes.join(", ")}`]];
  const notShown = ["quotedMessageId", "mentions", "isViewOnce", "isNote", "album"].filter((field) => message[field]);
  return [
    ...(message.audience === undefined ? [["audience", "is required for a story"] satisfies [string, string]] : []),
    ...notShown.map((field): [string, string] => [field, "is not possible in a story"]),
  ];
}
