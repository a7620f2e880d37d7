import { z } from "zod";
import { MediaSource, SealedMedia } from "./media.ts";
import { storyText } from "./story.ts";

const type = z.literal("text");

/** The card below a text that shows where a link leads. */
const preview = {
  url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .meta({ description: "The link as it stands in the text.", example: "https://acme.example/orders/42" }),
  title: z.string().min(1).max(200).meta({ example: "Order 42" }),
  description: z.string().min(1).max(500).optional().meta({ example: "Two parcels, due on Friday." }),
  image: MediaSource.optional().meta({
    description: "A picture of at most 5 MB: JPEG, PNG or WebP. The card shows it small.",
  }),
};

/** A plain text. */
export const text = {
  content: z
    .strictObject({
      type,
      text: z.string().min(1).max(65_536).meta({ example: "Your order is on its way." }),
      linkPreview: z
        .union([z.boolean(), z.strictObject(preview)])
        .optional()
        .meta({
          description:
            "The card below the text. `true` fetches the page of the first https link, for 5 s at most, and shows its title, its description and its picture (`og:image`, 5 MB at most); without an answer there is no card. Default, and `false`: none.",
        }),
      ...storyText.content,
    })
    .check(({ value, issues }) => {
      const { linkPreview } = value;
      if (linkPreview === true && !/https:\/\//i.test(value.text)) {
        issues.push({ code: "custom", input: true, path: ["linkPreview"], message: "needs an https link in the text" });
      }
      if (typeof linkPreview !== "object" || value.text.includes(linkPreview.url)) return;
      const { url } = linkPreview;
      issues.push({ code: "custom", input: url, path: ["linkPreview", "url"], message: "must be in the text" });
    }),
  /** Without a maximum: a newer edge may allow more. */
  sealed: z.strictObject({
    type,
    text: z.string(),
    linkPreview: z
      .union([
        z.literal(false),
        z.strictObject({
          url: z.string(),
          title: z.string(),
          description: z.string().optional(),
          /** Only the sealed description of the file: the card gets a small copy. */
          image: SealedMedia.optional(),
        }),
      ])
      .optional(),
    ...storyText.sealed,
  }),
};
