import { GetGroupRpc } from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { gateway } from "./gateway.ts";

/** The groups of a session's account. */
export const groups: Feature = {
  tag: {
    name: "Groups",
    description: "The WhatsApp groups that a session's account is in. Each request asks WhatsApp.",
  },
  notFound: "group-not-found",
  operations: [
    gateway(GetGroupRpc, {
      id: "getGroup",
      method: "get",
      path: "/v1/sessions/{id}/groups/{groupId}",
      scope: "group:manage",
      summary: "Get a group",
      description: "Its subject, settings and members, as WhatsApp shows them to the session's account now.",
      answer: "The group, as its members see it.",
    }),
  ],
};
