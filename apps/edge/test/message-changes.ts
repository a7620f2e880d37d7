import type { Message } from "@sandi/contracts";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";

export const hourMs = 3_600_000;

/** Changes and cancels messages, while time goes on. */
export const messageChanges = (edge: () => Edge) => ({
  inMs: (ms: number) => new Date(edge().services.now().getTime() + ms).toISOString(),
  cron: async (ms = 0) => {
    edge().advance(ms);
    await runCron(edge().services);
  },
  change: (id: string, body: object, key?: string) =>
    edge().api<Message>(`PATCH /v1/messages/${id}`, body, key === undefined ? {} : { key }),
  cancel: (id: string) => edge().api<Message>(`POST /v1/messages/${id}/cancel`),
});
