import { SimulatorError, type SimulatorErrorCode } from "../errors.ts";
import type { Phone } from "../phone/phone.ts";
import type { Question } from "../server/iq/question.ts";
import { parseJid } from "../wire/jid.ts";
import { type BinaryNode, bytesOf, children, node } from "../wire/nodes.ts";
import type { World } from "../world.ts";
import {
  changeParticipants,
  createGroup,
  groupOf,
  joinGroup,
  leaveGroup,
  requireAdmin,
  revokeInvite,
  setDescription,
  setSetting,
  setSubject,
} from "./actions.ts";
import type { Group } from "./group.ts";
import { groupNode, participantNode } from "./nodes.ts";

/** The error codes that clients know for what an action refuses. */
const wireErrors: Partial<Record<SimulatorErrorCode, [number, string]>> = {
  group_not_found: [404, "item-not-found"],
  not_group_member: [403, "forbidden"],
  not_group_admin: [403, "forbidden"],
  invalid_request: [400, "bad-request"],
  invite_not_valid: [406, "not-acceptable"],
};

/** `w:g2`: a query about all groups (`@g.us`) or one. */
export function answerGroups(question: Question): void {
  const { world, connection, iq, reply, refuse } = question;
  const { phone } = connection;
  const { to = "", type } = iq.attrs;
  const [asked] = children(iq);
  if (!phone || !asked) return refuse(400, "bad-request");
  const isToServer = to.startsWith("@") || to === "g.us";
  try {
    const answer = isToServer
      ? answerAll(world, phone, { asked, type })
      : answerOne(world, phone, { asked, type, group: groupOf(world, phone, to) });
    if (answer) reply(answer);
    // Unsupported queries are refused, because a client would take an empty answer for a success.
    else refuse(501, "feature-not-implemented");
  } catch (error) {
    const wire = error instanceof SimulatorError ? wireErrors[error.code] : undefined;
    if (!wire) throw error;
    refuse(...wire);
  }
}

function answerAll(
  world: World,
  phone: Phone,
  { asked, type }: { asked: BinaryNode; type: string | undefined },
): BinaryNode[] | undefined {
  const { subject, code } = asked.attrs;
  switch (asked.tag) {
    case "participating":
      return [
        node(
          "groups",
          {},
          world.groups.of(phone.number).map((group) => groupNode(world, group)),
        ),
      ];
    case "create":
      if (!subject) throw new SimulatorError("invalid_request");
      return [groupNode(world, createGroup(world, phone, { subject, numbers: numbersIn(world, asked) }))];
    case "leave":
      for (const { attrs } of children(asked, "group"))
        leaveGroup(world, groupOf(world, phone, attrs["id"] ?? ""), phone);
      return [node("leave", {}, children(asked, "group"))];
    case "invite": {
      const group = world.groups.byInviteCode(code ?? "");
      if (!group) throw new SimulatorError("invite_not_valid");
      if (type === "get") return [groupNode(world, group)];
      joinGroup(world, group, phone);
      return [node("group", { jid: group.jid })];
    }
    default:
      return undefined;
  }
}

function answerOne(
  world: World,
  phone: Phone,
  { asked, type, group }: { asked: BinaryNode; type: string | undefined; group: Group },
): BinaryNode[] | undefined {
  const { tag, attrs } = asked;
  switch (tag) {
    case "query": {
      const isSparse = world.faults.take("sparse-group", phone.number) !== undefined;
      return [groupNode(world, group, { isSparse })];
    }
    case "add":
    case "remove":
    case "promote":
    case "demote": {
      const results = changeParticipants(world, group, phone, { action: tag, numbers: numbersIn(world, asked) });
      const participants = results.map(({ number, status }) =>
        participantNode(world, number, { error: status === 200 ? undefined : status }),
      );
      return [node(tag, {}, participants)];
    }
    case "subject":
      setSubject(world, group, phone, bytesOf(asked)?.toString() ?? "");
      return [];
    case "description":
      setDescription(world, group, phone, bytesOf(asked, "body")?.toString() ?? "", attrs["id"]);
      return [];
    case "announcement":
    case "not_announcement":
    case "locked":
    case "unlocked":
      setSetting(world, group, phone, tag);
      return [];
    case "invite":
      if (type === "get") requireAdmin(group, phone);
      else revokeInvite(world, group, phone);
      return [node("invite", { code: group.inviteCode })];
    default:
      return undefined;
  }
}

/** The digits of the participants that a question names, by phone number or by LID. */
function numbersIn(world: World, asked: BinaryNode): string[] {
  return children(asked, "participant").flatMap(({ attrs }) => {
    const address = parseJid(attrs["jid"]);
    return world.phones.byJid(address)?.number ?? address?.user ?? [];
  });
}
