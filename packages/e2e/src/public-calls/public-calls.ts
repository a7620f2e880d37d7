import type { TestEdge } from "../edge.ts";
import { accessRuleCalls } from "./access-rules.ts";
import { alertCalls } from "./alerts.ts";
import { analyticsCalls } from "./analytics.ts";
import { auditCalls } from "./audit.ts";
import { batchCalls } from "./batches.ts";
import type { Call } from "./call.ts";
import { chatCalls } from "./chats.ts";
import { destinationCalls } from "./destinations.ts";
import { erasureCalls } from "./erasures.ts";
import { eventCalls } from "./events.ts";
import { keyCalls } from "./keys.ts";
import { mediaCalls } from "./media.ts";
import { messageActionCalls } from "./message-actions.ts";
import { messageCalls } from "./messages.ts";
import { poolCalls } from "./pools.ts";
import { publicDocumentCalls } from "./public-documents.ts";
import { reachabilityCalls } from "./reachability.ts";
import { sessionCalls } from "./sessions.ts";
import { supabaseHookCalls } from "./supabase-hooks.ts";
import { templateCalls } from "./templates.ts";
import { verificationCalls } from "./verifications.ts";
import { webhookCalls } from "./webhooks.ts";
import { workspaceCalls, workspaceChangeCalls } from "./workspaces.ts";

/** At least one call of every public route. The order counts: later calls use what earlier ones made. */
export function publicCalls(edge: () => TestEdge): Call[] {
  const sent = { message: "", reply: "" };
  return [
    ...verificationCalls(edge),
    ...messageCalls(edge, sent),
    ...messageActionCalls(edge, sent),
    ...mediaCalls(edge, sent),
    ...batchCalls(edge),
    ...reachabilityCalls,
    ...sessionCalls(edge),
    ...chatCalls(edge),
    ...poolCalls(),
    ...analyticsCalls,
    ...accessRuleCalls(),
    ...destinationCalls(edge),
    ...auditCalls,
    ...eventCalls,
    ...alertCalls(),
    ...supabaseHookCalls(),
    ...templateCalls(),
    ...keyCalls(),
    ...erasureCalls(),
    ...workspaceCalls,
    ...publicDocumentCalls,
    // They remove the key from the cache: it has whether the workspace has webhooks.
    ...webhookCalls(edge),
    // Last, because it removes the key from the cache.
    ...workspaceChangeCalls,
  ];
}
