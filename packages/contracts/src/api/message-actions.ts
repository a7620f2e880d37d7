import { z } from "zod";
import { Person } from "./people.ts";

/** A message can be edited for this long after it was sent. Phones ignore later edits. */
export const editWindowMs = 15 * 60_000;

const emojiMaxLength = 64;
const pictograph = /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Whether a text is one emoji, such as a flag, a keycap or a family. */
function isOneEmoji(text: string): boolean {
  const [first, second] = graphemes.segment(text);
  return first !== undefined && second === undefined && pictograph.test(text);
}

export const React = z
  .strictObject({
    emoji: z
      .string()
      .min(1)
      .max(emojiMaxLength)
      .refine(isOneEmoji, "must be one emoji")
      .meta({ description: "One emoji. It replaces the account's earlier reaction.", example: "👍" }),
  })
  .meta({ id: "React" });

/** For how long phones show a message above the chat: a day, a week or 30 days. */
export const pinSeconds = [86_400, 604_800, 2_592_000] as const;

export const Pin = z
  .strictObject({
    seconds: z
      .union(pinSeconds.map((seconds) => z.literal(seconds)))
      .meta({ description: "A day, a week or 30 days.", example: 604_800 }),
  })
  .meta({ id: "Pin" });

export const Vote = z
  .strictObject({
    options: z
      .array(z.string().min(1).max(1000))
      .max(12)
      .refine((options) => new Set(options).size === options.length, "must be distinct")
      .meta({
        description: "The texts of the chosen options. They replace the account's earlier vote; `[]` takes it back.",
        example: ["Morning"],
      }),
  })
  .meta({ id: "Vote" });

/** For whom a message is deleted. */
export const DeleteMessage = z.object({
  for: z.enum(["everyone", "me"]).meta({
    description:
      "`everyone`: from the phones of all people in the chat. `me`: for the session's account alone, on its phone and its other devices.",
  }),
});

/** Of a poll: its options, each with who voted for it. */
export const OptionVotes = z
  .array(
    z.object({
      option: z.string().max(1000),
      count: z.int().min(0),
      people: z.array(Person.nullable()).max(2000),
    }),
  )
  .max(20);

export const PollVotes = z
  .object({
    votes: OptionVotes.meta({
      description: "The poll's options in their order, each with who voted for it. Null is the session's account.",
    }),
  })
  .meta({
    id: "PollVotes",
    description: "The votes of a poll.",
    example: {
      votes: [
        { option: "Morning", count: 1, people: [null] },
        { option: "Evening", count: 0, people: [] },
      ],
    },
  });
