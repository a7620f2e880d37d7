import type { Phone } from "../phone/phone.ts";
import { jidOf } from "../wire/jid.ts";
import type { World } from "../world.ts";

/** How stanzas of a group name a member's device: by LID, with the phone number beside unless the account hides it. */
export function memberNames(
  world: World,
  member: Phone,
  device = 0,
): { participant: string; participant_pn: string | undefined } {
  const isHidden = world.faults.peek("lid-only", member.number) !== undefined;
  return {
    participant: jidOf(member, "lid", device),
    participant_pn: isHidden ? undefined : jidOf(member, "pn", device),
  };
}
