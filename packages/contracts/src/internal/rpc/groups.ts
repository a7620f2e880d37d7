import { z } from "zod";
import { AccountNumber, Timestamp } from "../../api/common.ts";
import { SessionId } from "../../ids.ts";
import { defineRpc, ofWhatsApp } from "./rpc.ts";

const GroupId = z
  .string()
  .max(40)
  .regex(/^\d{6,20}(-\d{6,20})?@g\.us$/, "must be the id of a group, such as 120363025246125486@g.us")
  .meta({ description: "A group.", example: "120363025246125486@g.us" });

const Person = z.object({
  phone: AccountNumber.nullable().meta({ description: "Null if WhatsApp hides the number." }),
  lid: z
    .string()
    .max(40)
    .nullable()
    .meta({ description: "The id that WhatsApp uses in place of the number.", example: "103457289341234@lid" }),
});

const whoMay = (what: string) => z.enum(["all", "admins"]).meta({ description: `Who ${what}.`, example: "all" });

/** A WhatsApp group, as its members see it. */
export const Group = z
  .object({
    id: GroupId,
    subject: z.string().max(1024).meta({ example: "Warung Menteng" }),
    description: z.string().max(8192).nullable(),
    owner: Person.nullable().meta({ description: "The person who created the group." }),
    createdAt: Timestamp.nullable().meta({ description: "Null if WhatsApp does not say." }),
    isCommunity: z.boolean(),
    settings: z.object({
      sendMessages: whoMay("sends messages"),
      editInfo: whoMay("changes the subject and the description"),
      addMembers: whoMay("adds members"),
      approveJoins: z.boolean().meta({ description: "An admin must approve people who join by the invite link." }),
      disappearingSeconds: z
        .int()
        .min(1)
        .max(2_147_483_647)
        .nullable()
        .meta({ description: "Messages disappear after this time. Null: they stay." }),
    }),
    participants: z.array(z.object({ person: Person, role: z.enum(["member", "admin", "owner"]) })).max(5000),
  })
  .meta({
    id: "Group",
    example: {
      id: "120363025246125486@g.us",
      subject: "Warung Menteng",
      description: "Open till nine",
      owner: { phone: "+6281234567890", lid: "103457289341234@lid" },
      createdAt: "2026-11-21T05:02:11.000Z",
      isCommunity: false,
      settings: {
        sendMessages: "all",
        editInfo: "admins",
        addMembers: "admins",
        approveJoins: false,
        disappearingSeconds: null,
      },
      participants: [
        { person: { phone: "+6281234567890", lid: "103457289341234@lid" }, role: "owner" },
        { person: { phone: "+6281200000001", lid: "103457289345678@lid" }, role: "member" },
      ],
    },
  });
export type Group = z.infer<typeof Group>;

/** A group that the session's account is in; WhatsApp describes it to its members only. */
export const GetGroupRpc = defineRpc({
  path: "/rpc/groups/get",
  request: z.strictObject({ sessionId: SessionId, groupId: GroupId }),
  response: Group,
  errors: ["group-not-found", ...ofWhatsApp],
});
