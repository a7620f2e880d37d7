import { GetGroupRpc } from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { gateway } from "./gateway.ts";

/** The groups of a session's account. */
export const groups: Feature = {
  tag: { name: "Groups", description: "The WhatsApp groups that a session's account is in. WhatsApp itself answers." },
  notFound: "group-not-found",
  operations: [
    gateway(GetGroupRpc, {
      id: "getGroup",
      method: "get",
      path: "/v1/sessions/{id}/groups/{groupId}",
      scope: "group:manage",
      summary: "Look at a group",
      description:
        "Its subject, its settings and its members, as WhatsApp describes them to the session's account at this moment.",
      answer: "As its members see it.",
    }),
  ],
};
