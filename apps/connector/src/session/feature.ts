import { type OpenSocket, socketOpener } from "../baileys/socket.ts";
import type { Context } from "../context.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { ApplyOwnChange } from "../inbound/apply-own-change.ts";
import type { ReceiveMessage } from "../inbound/receive-message.ts";
import type { KnownNumbers } from "../numbers/known-numbers.ts";
import { publicLookup } from "../proxy/addresses.ts";
import { createTunnels } from "../proxy/tunnel.ts";
import { boundedCredentials } from "../store/bounded-credentials.ts";
import type { Chats } from "../store/chats.ts";
import type { Conversations } from "../store/conversations.ts";
import { credentialStore } from "../store/credentials.ts";
import type { Erased } from "../store/erased.ts";
import type { OpenIdentities } from "../store/identities.ts";
import { measuredCredentials } from "../store/measured-credentials.ts";
import type { SessionRow } from "../store/sessions.ts";
import type { Versions } from "../versions.ts";
import { createGate } from "./gate.ts";
import { adoptSession, type LiveOptions, type LiveSession } from "./live.ts";
import { sessionMetrics, type SessionMetrics } from "./metrics.ts";

/** Opens sessions whose leases this process has taken. */
export interface Sessions {
  adopt: (row: SessionRow, how: Pick<LiveOptions, "connectAfterMs" | "onGone">) => LiveSession;
  metrics: SessionMetrics;
}

interface Options {
  chats: Chats;
  conversations: Conversations;
  deliveries: Deliveries;
  receive: ReceiveMessage;
  acted: LiveOptions["acted"];
  applyOwnChange: ApplyOwnChange;
  knownNumbers: KnownNumbers;
  erased: Erased;
  openIdentities: OpenIdentities;
  versions: Versions;
  onAppended: () => void;
  onOnline: (sessionId: string) => void;
  openSocket?: OpenSocket | undefined;
}

/** One workspace whose proxies hang holds at most this fraction (1 / 4) of the places for logins through proxies. */
const proxiedParts = 4;

export function openSessions(context: Context, { versions, openIdentities, ...options }: Options): Sessions {
  const { config, services, store, pseudonym, meter } = context;
  const metrics = sessionMetrics(meter);
  const bounded = boundedCredentials(credentialStore(store, pseudonym), store);
  const places = config.connectConcurrency;
  const shared = {
    ...context,
    ...options,
    metrics,
    version: versions,
    openCredentials: measuredCredentials(bounded, meter, services),
    openSocket: options.openSocket ?? socketOpener(config.whatsapp),
    gates: { direct: createGate(places), proxied: createGate(places, Math.ceil(places / proxiedParts)) },
    tunnels: createTunnels({
      wsUrl: config.whatsapp.wsUrl,
      lookup: config.allowPrivateProxies ? null : publicLookup(),
    }),
  };
  return {
    metrics,
    adopt: (row, how) => adoptSession(row, { ...shared, ...how, identities: openIdentities(row.workspaceId) }),
  };
}
