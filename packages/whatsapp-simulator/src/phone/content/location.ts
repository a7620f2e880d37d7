import { z } from "zod";
import type { Kind } from "./kind.ts";

const fields = z.object({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  name: z.string().max(1000).optional(),
  address: z.string().max(1000).optional(),
});

export const location: Kind<typeof fields> = {
  fields,
  read({ locationMessage }) {
    if (!locationMessage) return undefined;
    const { degreesLatitude, degreesLongitude, address, name } = locationMessage;
    return {
      text: name ?? "",
      latitude: degreesLatitude ?? 0,
      longitude: degreesLongitude ?? 0,
      ...(name && { name }),
      ...(address && { address }),
    };
  },
  write: ({ latitude, longitude, name = null, address = null }) => ({
    locationMessage: { degreesLatitude: latitude, degreesLongitude: longitude, name, address },
  }),
};
