import { z } from "zod";

/** A W3C `traceparent`: the trace and its parent span. */
export const Traceparent = z.string().regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/, "must be a traceparent");
