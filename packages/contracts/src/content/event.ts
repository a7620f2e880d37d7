import { z } from "zod";

const type = z.literal("event");
const time = z.iso.datetime({ offset: true });

/** An invitation to an event, which people answer in the chat. */
export const event = {
  content: z
    .strictObject({
      type,
      name: z.string().trim().min(1).max(100).meta({ example: "Product launch" }),
      description: z.string().min(1).max(2048).optional().meta({ example: "Doors open at nine." }),
      startAt: time.meta({
        description: "ISO 8601. WhatsApp keeps whole seconds.",
        example: "2026-12-24T09:00:00.000Z",
      }),
      endAt: time.optional().meta({ example: "2026-12-24T11:00:00.000Z" }),
      location: z
        .strictObject({
          name: z.string().min(1).max(200).meta({ example: "Monas" }),
          address: z.string().min(1).max(500).optional().meta({ example: "Gambir, Jakarta" }),
          latitude: z.number().min(-90).max(90).optional(),
          longitude: z.number().min(-180).max(180).optional(),
        })
        .refine(
          ({ latitude, longitude }) => (latitude === undefined) === (longitude === undefined),
          "needs both latitude and longitude, or neither",
        )
        .optional(),
      callLink: z
        .string()
        .max(200)
        .regex(/^https:\/\/call\.whatsapp\.com\/(?:voice|video)\/[\w-]+$/, "must be a call link of WhatsApp")
        .optional()
        .meta({ example: "https://call.whatsapp.com/video/abcdefghijklmnopqrstuv" }),
    })
    .check(({ value, issues }) => {
      if (value.endAt === undefined || Date.parse(value.endAt) > Date.parse(value.startAt)) return;
      issues.push({ code: "custom", input: value.endAt, path: ["endAt"], message: "must be after the start" });
    }),
  sealed: z.strictObject({
    type,
    name: z.string(),
    description: z.string().optional(),
    startAt: z.string(),
    endAt: z.string().optional(),
    location: z
      .strictObject({
        name: z.string(),
        address: z.string().optional(),
        latitude: z.number().optional(),
        longitude: z.number().optional(),
      })
      .optional(),
    callLink: z.string().optional(),
  }),
};
