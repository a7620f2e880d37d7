import type { SendJob } from "@sandi/contracts";
import type { AtRest, Unsealer } from "@sandi/crypto";
import type { Tracer } from "@sandi/tracing";
import type { Logger } from "pino";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { KeepSent } from "../inbound/keep-sent.ts";
import type { Media } from "../media/feature.ts";
import type { KnownNumbers } from "../numbers/known-numbers.ts";
import type { Numbers } from "../numbers/numbers.ts";
import type { Services } from "../services.ts";
import type { SendPermit } from "../session/breaker.ts";
import type { Turn } from "../session/pacer.ts";
import type { Chats } from "../store/chats.ts";
import type { Conversations } from "../store/conversations.ts";
import type { Store } from "../store/store.ts";
import type { Albums } from "./albums.ts";
import type { ClaimMessage } from "./claims.ts";
import type { JobMetrics } from "./metrics.ts";
import type { OnlineSession, SessionLookup } from "./resolve-session.ts";
import type { SendTelemetry } from "./send-telemetry.ts";

/** What all sends work with. */
export interface SendContext extends SessionLookup {
  services: Services;
  logger: Logger;
  metrics: JobMetrics;
  tracer: Tracer;
  claim: ClaimMessage;
  unseal: Unsealer;
  store: Store;
  numbers: Numbers;
  knownNumbers: Pick<KnownNumbers, "answered">;
  conversations: Conversations;
  atRest: (sessionId: string) => AtRest;
  media: Pick<Media, "sendFile" | "makePreview">;
  deliveries: Deliveries;
  keepSent: KeepSent;
  chats: Chats;
  ackTimeoutMs: number;
  ledgerMs: number;
}

/** One run of a job. */
export interface Run extends SendContext {
  job: SendJob;
  albums: Albums;
  telemetry: SendTelemetry;
  /** The session failed to send it before. */
  hasFailedHere: boolean;
}

/** One attempt of a run, in its turn. */
export interface SendAttempt {
  session: OnlineSession;
  turn: Turn;
  permit: SendPermit;
  /** An earlier attempt had no ack. */
  mayHaveArrived: boolean;
}
