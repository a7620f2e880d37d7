import type { Timeline, Verification } from "@sandi/contracts";
import type { z } from "zod";
import type { Edge } from "./harness.ts";

export const to = "+6281234567890";
export const other = "+6281234567891";

type Options = Parameters<Edge["api"]>[2];

/** What a customer asks of verifications. */
export const verificationCalls = (edge: () => Edge) => ({
  create: (input: Record<string, unknown> = {}, options: Options = {}) =>
    edge().api<Verification>("POST /v1/verifications", { to, ...input }, options),
  act: (id: string, verb: string, body?: unknown, options: Options = {}) =>
    edge().api<Verification & { proof?: string | null }>(`POST /v1/verifications/${id}/${verb}`, body, options),
  get: async (id: string) => (await edge().api<Verification>(`GET /v1/verifications/${id}`)).body,
  timeline: async (id: string) =>
    (await edge().api<z.infer<typeof Timeline>>(`GET /v1/verifications/${id}/events`)).body.events.map(
      ({ type }) => type,
    ),
});
