import type { Database } from "@sandi/libsql";
import type {
  AccessRuleTable,
  ApiKeyTable,
  AuditTable,
  IdempotencyTable,
  SupabaseHookTable,
  TemplateTable,
} from "./tables/workspaces.ts";
import type {
  PairingRequestTable,
  PoolTable,
  SessionFigureTable,
  SessionTable,
  WarmContactTable,
} from "./tables/sessions.ts";
import type {
  ConversionTable,
  DestinationBudgetTable,
  DestinationSendTable,
  PrefixGuardTable,
  VerificationTable,
} from "./tables/verifications.ts";
import type { BatchItemTable, BatchMediaTable, BatchTable } from "./tables/batches.ts";
import type { MediaObjectTable, MediaTable } from "./tables/media.ts";
import type { ErasureTable } from "./tables/erasures.ts";
import type {
  ChatAliasTable,
  ChatTable,
  EventContentTable,
  EventTable,
  JobTable,
  MessageTable,
} from "./tables/messages.ts";
import type {
  DeliveryAttemptTable,
  DeliveryTable,
  EndpointHourTable,
  EndpointTable,
  IncidentTable,
  ReplayTable,
  WebhookPositionTable,
} from "./tables/deliveries.ts";

/** The tables. Times are milliseconds, JSON is text. */
export interface Tables {
  /** `policy` and `quota` are JSON of the fields that the workspace and the operator have set. */
  workspace: { id: string; name: string; policy: string; quota: string; createdAt: number };
  user: { id: string; workspaceId: string; email: string; passwordHash: string; role: "admin"; createdAt: number };
  apiKey: ApiKeyTable;
  pool: PoolTable;
  session: SessionTable;
  verification: VerificationTable;
  destinationBudget: DestinationBudgetTable;
  destinationSend: DestinationSendTable;
  prefixGuard: PrefixGuardTable;
  accessRule: AccessRuleTable;
  warmContact: WarmContactTable;
  message: MessageTable;
  chat: ChatTable;
  chatAlias: ChatAliasTable;
  erasure: ErasureTable;
  batch: BatchTable;
  batchItem: BatchItemTable;
  batchMedia: BatchMediaTable;
  media: MediaTable;
  mediaObject: MediaObjectTable;
  template: TemplateTable;
  supabaseHook: SupabaseHookTable;
  sessionFigure: SessionFigureTable;
  event: EventTable;
  eventContent: EventContentTable;
  conversion: ConversionTable;
  audit: AuditTable;
  bootstrap: { tokenHash: string; workspaceId: string; usedAt: number };
  idempotency: IdempotencyTable;
  endpoint: EndpointTable;
  incident: IncidentTable;
  delivery: DeliveryTable;
  deliveryAttempt: DeliveryAttemptTable;
  endpointHour: EndpointHourTable;
  replay: ReplayTable;
  webhookPosition: WebhookPositionTable;
  job: JobTable;
  pairingRequest: PairingRequestTable;
}

export type Db = Database<Tables>;
