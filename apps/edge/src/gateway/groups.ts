import { GetGroupRpc } from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { groupReadLimits } from "../rate-limits/named.ts";
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
      description:
        "Its subject, settings and members, as WhatsApp shows them to the session's account now. At most 60 requests in a minute and 2,000 in a day, and 20 in a minute for each session: WhatsApp bans accounts that ask too much.",
      limits: groupReadLimits,
      answer: "The group, as its members see it.",
    }),
  ],
};
