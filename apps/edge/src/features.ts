import { accessRules } from "./access-rules/routes.ts";
import { alerts } from "./alerts/feature.ts";
import { analytics } from "./analytics/routes.ts";
import { audit } from "./audit/routes.ts";
import { batches } from "./batches/routes.ts";
import { desiredState } from "./desired-state/routes.ts";
import { destinations } from "./destinations/routes.ts";
import { events } from "./events/routes.ts";
import { erasures } from "./erasures/routes.ts";
import type { Feature } from "./feature.ts";
import { feed } from "./feed/routes.ts";
import { chats } from "./gateway/chats.ts";
import { groups } from "./gateway/groups.ts";
import { hooks } from "./hooks/routes.ts";
import { sweepIdempotencyKeys } from "./http/idempotency/sweeps.ts";
import type { JobKind } from "./jobs/kind.ts";
import { keys } from "./keys/routes.ts";
import { media } from "./media/routes.ts";
import { messageActions } from "./message-actions/routes.ts";
import { messages } from "./messages/routes.ts";
import { outbound } from "./outbound/feature.ts";
import { pools } from "./pools/routes.ts";
import { reachability } from "./reachability/routes.ts";
import { sessions } from "./sessions/feature.ts";
import { templates } from "./templates/routes.ts";
import { verifications } from "./verifications/feature.ts";
import { workspaces } from "./workspaces/routes.ts";
import { webhooks } from "./webhooks/feature.ts";
import { sweepReceipts } from "./writes/sweeps.ts";

const slices: readonly Feature[] = [
  verifications,
  reachability,
  messages,
  messageActions,
  batches,
  media,
  templates,
  sessions,
  desiredState,
  pools,
  chats,
  groups,
  erasures,
  analytics,
  destinations,
  accessRules,
  keys,
  workspaces,
  audit,
  webhooks,
  feed,
  alerts,
  hooks,
  events,
  { sweeps: sweepIdempotencyKeys },
  { sweeps: sweepReceipts },
];

/** Every slice of the edge, in the order of the API reference: the chapters that a newcomer needs come first. */
export const features: readonly Feature[] = [...slices, outbound(slices.flatMap(({ topics = [] }) => topics))];

/** All kinds of jobs, by priority. */
export const jobKinds: readonly JobKind[] = features
  .flatMap(({ jobs = [] }) => jobs)
  .toSorted((a, b) => a.priority - b.priority);
