import { z } from "zod";
import type { Kind } from "./kind.ts";

const time = z.iso.datetime({ offset: true });
const fields = z.object({
  name: z.string().min(1).max(100),
  description: z.string().min(1).max(2048).optional(),
  startAt: time,
  endAt: time.optional(),
  location: z
    .strictObject({
      name: z.string().min(1).max(1000),
      address: z.string().min(1).max(1000).optional(),
      latitude: z.number().min(-90).max(90).optional(),
      longitude: z.number().min(-180).max(180).optional(),
    })
    .optional(),
  callLink: z.string().min(1).max(200).optional(),
});

const secondsOf = (iso: string) => Math.floor(Date.parse(iso) / 1000);
const isoOf = (seconds: { toString(): string }) => new Date(Number(seconds.toString()) * 1000).toISOString();

export const event: Kind<typeof fields> = {
  fields,
  read({ eventMessage }) {
    if (!eventMessage) return undefined;
    const { name, description, startTime, endTime, location, joinLink } = eventMessage;
    const { name: place, address, degreesLatitude: latitude, degreesLongitude: longitude } = location ?? {};
    return {
      text: name ?? "",
      name: name ?? "",
      ...(description && { description }),
      startAt: isoOf(startTime ?? 0),
      ...(endTime && { endAt: isoOf(endTime) }),
      ...(place && {
        location: {
          name: place,
          ...(address && { address }),
          ...(latitude && { latitude }),
          ...(longitude && { longitude }),
        },
      }),
      ...(joinLink && { callLink: joinLink }),
    };
  },
  write({ name, description = null, startAt, endAt, location, callLink = null }) {
    return {
      eventMessage: {
        name,
        description,
        startTime: secondsOf(startAt),
        endTime: endAt === undefined ? null : secondsOf(endAt),
        joinLink: callLink,
        location: location
          ? {
              name: location.name,
              address: location.address ?? null,
              degreesLatitude: location.latitude ?? 0,
              degreesLongitude: location.longitude ?? 0,
            }
          : null,
      },
    };
  },
};
