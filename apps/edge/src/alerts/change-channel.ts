import type { AlertChannel, ChangeAlertChannel } from "@sandi/contracts";
import type { Context } from "../context.ts";
import { changeEndpoint } from "../outbound/change-endpoint.ts";
import { reportResumed } from "./channel-incidents.ts";
import { changedTarget } from "./change-target.ts";
import { settingsOf, storedSettings, toChannel } from "./repository.ts";

interface Input {
  id: string;
  change: ChangeAlertChannel;
}

/** Changes a channel's incidents or target, or pauses it. */
export async function changeChannel(ctx: Context, { id, change }: Input): Promise<AlertChannel> {
  const { services } = ctx;
  const retarget = changedTarget(services, change);
  const row = await changeEndpoint(ctx, {
    topic: "alert",
    id,
    name: "alert channel",
    missing: "alert-channel-not-found",
    action: "alert_channel.updated",
    isPaused: change.isPaused,
    change(before) {
      const present = settingsOf(before);
      const { name = before.name, afterSeconds = present.afterSeconds, mutedKinds = present.mutedKinds } = change;
      return { name, settings: storedSettings({ afterSeconds, mutedKinds }) };
    },
    retarget: retarget && ((_row, present, at) => retarget(present, at)),
    shown: (each) => ({ name: each.name, ...settingsOf(each) }),
    onResume: (channel, at) => [reportResumed(services.db, { endpointId: channel.id, at })],
  });
  return toChannel(row);
}
