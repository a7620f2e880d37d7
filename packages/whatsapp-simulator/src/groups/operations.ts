import type { Simulator } from "../api.ts";
import { SimulatorError } from "../errors.ts";
import type { Phone } from "../phone/phone.ts";
import { e164 } from "../wire/jid.ts";
import type { World } from "../world.ts";
import {
  changeParticipants,
  createGroup,
  groupOf,
  leaveGroup,
  setDescription,
  setSetting,
  setSubject,
} from "./actions.ts";
import { groupInfo } from "./notify.ts";

type GroupOperations = Pick<
  Simulator,
  "createGroup" | "groups" | "group" | "updateGroup" | "changeParticipants" | "leaveGroup"
>;

interface Numbers {
  find: (number: string) => Phone;
  /** The digits of a number; throws if it is not a number. */
  digits: (number: string, field: string) => string;
}

/** The group operations of the API, each on the phone of a member. */
export function makeGroupOperations(world: World, { find, digits }: Numbers): GroupOperations {
  return {
    createGroup(number, { subject, participants, description }) {
      const numbers = participants.map((each) => digits(each, "participants"));
      const unknown = numbers.find((each) => !world.phones.byNumber(each));
      if (unknown !== undefined) {
        const detail = `no phone has the number ${e164(unknown)}`;
        throw new SimulatorError("phone_not_found", detail, { field: "participants" });
      }
      const group = createGroup(world, find(number), { subject, numbers, description: description || null });
      return groupInfo(group);
    },
    groups: () => [...world.groups].map(groupInfo),
    group(id) {
      const group = world.groups.find(id);
      if (!group) throw new SimulatorError("group_not_found");
      return groupInfo(group);
    },
    updateGroup(number, id, { subject, description, isAnnouncement, isLocked }) {
      const phone = find(number);
      const group = groupOf(world, phone, id);
      if (subject !== undefined) setSubject(world, group, phone, subject);
      if (description !== undefined) setDescription(world, group, phone, description);
      if (isAnnouncement !== undefined) {
        setSetting(world, group, phone, isAnnouncement ? "announcement" : "not_announcement");
      }
      if (isLocked !== undefined) setSetting(world, group, phone, isLocked ? "locked" : "unlocked");
      return groupInfo(group);
    },
    changeParticipants(number, id, { action, numbers }) {
      const phone = find(number);
      const group = groupOf(world, phone, id);
      const results = changeParticipants(world, group, phone, {
        action,
        numbers: numbers.map((each) => digits(each, "numbers")),
      });
      return results.map((result) => ({ number: e164(result.number), status: result.status }));
    },
    leaveGroup(number, id) {
      const phone = find(number);
      leaveGroup(world, groupOf(world, phone, id), phone);
    },
  };
}
