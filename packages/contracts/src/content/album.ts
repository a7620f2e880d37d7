import { z } from "zod";

const most = 30;
const count = z.int().min(0).max(most).default(0);

/** Pictures and films of one chat that phones show together. Each is a message of its own. */
export const album = {
  content: z
    .strictObject({
      id: z.string().min(1).max(64).meta({ description: "Your name for the album, the same in all its messages." }),
      images: count.meta({ description: "How many pictures it has in all." }),
      videos: count.meta({ description: "How many films it has in all." }),
    })
    .refine(({ images, videos }) => images + videos >= 2 && images + videos <= most, `must have 2 to ${most} files`)
    .optional()
    .meta({
      description:
        "The album that it belongs to: phones show the messages of one chat with the same album together. Each message says how many the album has. In an answer, `id` is WhatsApp's id of the album.",
      example: { id: "trip-42", images: 3, videos: 1 },
    }),
  sealed: z.strictObject({ id: z.string(), images: z.number(), videos: z.number() }).optional(),
};

interface Check {
  value: { album?: unknown; [field: string]: unknown };
  issues: z.core.$ZodRawIssue[];
}

/** Refuses what phones show by itself. */
export function checkAlbum({ value, issues }: Check): void {
  if (value.album === undefined) return;
  for (const name of ["isViewOnce", "isGif", "isNote"].filter((field) => value[field])) {
    issues.push({ code: "custom", input: value, path: [name], message: "is not possible in an album" });
  }
}
