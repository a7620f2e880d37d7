import type { Feature } from "../feature.ts";
import { internalRoutes } from "./internal.ts";

export const media: Feature = { notFound: "media-not-found", routes: internalRoutes };
