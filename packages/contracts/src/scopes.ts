import { z } from "zod";

/** What an API key may do. */
export const scopes = [
  "otp:send",
  "otp:check",
  "otp:custom",
  "otp:reveal",
  "otp:approve",
  "lookup:read",
  "message:send",
  "message:read",
  "session:manage",
  "group:manage",
  "webhook:manage",
  "analytics:read",
  "key:manage",
  "data:erase",
  "event:read",
] as const;

export const Scope = z.enum(scopes);
export type Scope = z.infer<typeof Scope>;
