import type { proto } from "@whiskeysockets/baileys";
import type { SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";

type EventContent = Extract<SealedContent, { type: "event" }>;

export const event: Kind<EventContent> = {
  toProto({ name, description = null, startAt, endAt, location, callLink = null }) {
    return {
      eventMessage: {
        name,
        description,
        startTime: seconds(startAt),
        endTime: endAt === undefined ? null : seconds(endAt),
        location: location ? placeOf(location) : null,
        joinLink: callLink,
        isCanceled: false,
        isScheduleCall: callLink !== null,
      },
    };
  },
  fromProto({ eventMessage }) {
    const { name, description, startTime, endTime, location, joinLink } = eventMessage ?? {};
    const [startAt, endAt] = [timeOf(startTime), timeOf(endTime)];
    if (!name || startAt === undefined) return null;
    const place = readPlace(location);
    return {
      type: "event",
      name,
      ...(description ? { description } : {}),
      startAt,
      ...(endAt === undefined ? {} : { endAt }),
      ...(place ? { location: place } : {}),
      ...(joinLink ? { callLink: joinLink } : {}),
    };
  },
};

const seconds = (time: string) => Math.floor(Date.parse(time) / 1000);

/** Undefined for no time, and for one that no date can have. */
function timeOf(value: proto.Message.IEventMessage["startTime"]): string | undefined {
  const date = new Date(Number(value ?? 0) * 1000);
  return value && date.getTime() > 0 ? date.toISOString() : undefined;
}

function placeOf({ name, address, latitude, longitude }: NonNullable<EventContent["location"]>) {
  return { name, address: address ?? null, degreesLatitude: latitude ?? null, degreesLongitude: longitude ?? null };
}

function readPlace(place: proto.Message.ILocationMessage | null | undefined): EventContent["location"] {
  const { name, address, degreesLatitude: latitude, degreesLongitude: longitude } = place ?? {};
  if (!name) return undefined;
  // Without coordinates, clients send zeros.
  const coordinates = latitude || longitude ? { latitude: latitude ?? 0, longitude: longitude ?? 0 } : {};
  return { name, ...(address ? { address } : {}), ...coordinates };
}
