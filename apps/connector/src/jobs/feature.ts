import { createNodeQueueCheck, createNodeUnsealer } from "@sandi/crypto/node";
import type { Context } from "../context.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { Feature } from "../feature.ts";
import type { Forward } from "../fleet/forward.ts";
import type { KeepSent } from "../inbound/keep-sent.ts";
import type { Media } from "../media/feature.ts";
import type { KnownNumbers } from "../numbers/known-numbers.ts";
import type { Numbers } from "../numbers/numbers.ts";
import type { Chats } from "../store/chats.ts";
import type { Conversations } from "../store/conversations.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { createClaims } from "./claims.ts";
import { jobMetrics } from "./metrics.ts";
import { createSessionJobParser } from "./parse-session-job.ts";
import { createRevoker } from "./revoke-message.ts";
import { jobRoutes } from "./routes.ts";
import { createSender } from "./send-message.ts";

interface Options {
  numbers: Numbers;
  knownNumbers: Pick<KnownNumbers, "answered">;
  conversations: Conversations;
  media: Pick<Media, "sendFile" | "makePreview">;
  deliveries: Deliveries;
  keepSent: KeepSent;
  chats: Chats;
  supervisor: Supervisor;
  forward: Forward;
  isDraining: () => boolean;
}

const dayMs = 86_400_000;

/** The routes that QStash calls. `running` is the number of jobs that are not finished. */
export function jobsFeature(context: Context, options: Options): Feature & { running: () => number } {
  const { config, services, meter, tracing, callEdge, run } = context;
  const { find } = options.supervisor;
  const { currentSigningKey, nextSigningKey } = config.qstash;
  let running = 0;
  const unseal = createNodeUnsealer(config.sealPrivateKey);
  const metrics = jobMetrics(meter, () => running);
  const shared = { ...context, ...options, metrics, unseal, find, ackTimeoutMs: config.ackTimeoutMs };
  const revoke = createRevoker(shared);
  const send = createSender({
    ...shared,
    tracer: tracing.tracer,
    claim: createClaims(callEdge, run),
    ledgerMs: config.ledgerDays * dayMs,
  });

  async function counted<T>(job: Promise<T>): Promise<T> {
    running++;
    try {
      return await job;
    } finally {
      running--;
    }
  }

  const routes = jobRoutes({
    ...options,
    publicUrl: config.publicUrl,
    checkSignature: createNodeQueueCheck([currentSigningKey, nextSigningKey], services.now),
    send: (job, trace) => counted(send(job, trace)),
    revoke: (job) => counted(revoke(job)),
    parseSessionJob: createSessionJobParser(shared),
  });
  return { routes, running: () => running };
}
