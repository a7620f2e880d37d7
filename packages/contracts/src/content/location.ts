import { z } from "zod";

const type = z.literal("location");

/** A place on a map. */
export const location = {
  content: z.strictObject({
    type,
    latitude: z.number().min(-90).max(90).meta({ description: "Degrees; south is negative.", example: -6.1754 }),
    longitude: z.number().min(-180).max(180).meta({ description: "Degrees; west is negative.", example: 106.8272 }),
    name: z.string().min(1).max(200).optional().meta({ example: "Monas" }),
    address: z.string().min(1).max(500).optional().meta({ example: "Gambir, Jakarta" }),
  }),
  /** Without limits: a newer edge may have other limits. */
  sealed: z.strictObject({
    type,
    latitude: z.number(),
    longitude: z.number(),
    name: z.string().optional(),
    address: z.string().optional(),
  }),
};
