import type { SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";

export const location: Kind<Extract<SealedContent, { type: "location" }>> = {
  toProto: ({ latitude, longitude, name, address }) => ({
    locationMessage: {
      degreesLatitude: latitude,
      degreesLongitude: longitude,
      name: name ?? null,
      address: address ?? null,
    },
  }),
  fromProto({ locationMessage }) {
    if (!locationMessage) return null;
    const { degreesLatitude, degreesLongitude, name, address } = locationMessage;
    // protobuf leaves out a zero.
    const [latitude, longitude] = [degreesLatitude ?? 0, degreesLongitude ?? 0];
    const isOnEarth = Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
    if (!isOnEarth) return null;
    return {
      type: "location",
      latitude,
      longitude,
      ...(name ? { name } : {}),
      ...(address ? { address } : {}),
    };
  },
};
