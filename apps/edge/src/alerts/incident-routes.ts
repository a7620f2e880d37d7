import { z } from "zod";
import {
  AlertChannelId,
  AlertDeliveryList,
  AppError,
  IncidentList,
  ListAlertDeliveries,
  ListIncidents,
} from "@sandi/contracts";
import { page } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { findIncidents, toIncident } from "./incidents.ts";
import { findChannel, findDeliveries, toDelivery } from "./repository.ts";

export const incidentOperations: readonly Operation[] = [
  operation({
    id: "listIncidents",
    method: "get",
    path: "/v1/incidents",
    scope: ["webhook:manage", "session:manage"],
    live: true,
    summary: "What is or was wrong",
    description:
      "Open ones first, then newest first; closed ones for 30 days. What begins again within ten minutes is the same incident.",
    query: ListIncidents,
    answers: page(IncidentList, "incidents"),
    handle: async ({ services, actor }, { query }) =>
      (await findIncidents(services.db, actor.workspaceId, query)).map(toIncident),
  }),
  operation({
    id: "listAlertDeliveries",
    method: "get",
    path: "/v1/alert-channels/{id}/deliveries",
    scope: "webhook:manage",
    live: true,
    summary: "List deliveries",
    description: "What this channel has sent, newest first, for 30 days.",
    params: z.object({ id: AlertChannelId }),
    query: ListAlertDeliveries,
    answers: page(AlertDeliveryList, "deliveries"),
    handle: async ({ services: { db }, actor: { workspaceId } }, { params, query }) => {
      const rows = await findDeliveries(db, workspaceId, { ...query, channelId: params.id });
      if (rows.length === 0 && !(await findChannel(db, workspaceId, params.id))) {
        throw new AppError("alert-channel-not-found");
      }
      return rows.map(toDelivery);
    },
  }),
];
