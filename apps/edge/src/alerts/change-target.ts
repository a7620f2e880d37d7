import { AppError, type ChangeAlertChannel } from "@sandi/contracts";
import { refuseAddress } from "../outbound/create-endpoint.ts";
import { rotateSecret } from "../outbound/secrets.ts";
import type { Target } from "../outbound/target.ts";
import type { Services } from "../services.ts";

/** What a change makes of a channel's target and secrets; undefined if it names none. */
export function changedTarget(
  services: Services,
  change: ChangeAlertChannel,
): ((present: Target, at: number) => Target) | undefined {
  const { botToken, chatId, url, secret } = change;
  if ([botToken, chatId, url, secret].every((each) => each === undefined)) return undefined;
  return (present, at) => {
    refuseForeignFields(present.kind, change);
    if (url !== undefined) refuseAddress(services, url);
    return next(present, change, at);
  };
}

const fields = { telegram: ["botToken", "chatId"], slack: ["url"], webhook: ["url", "secret"] } as const;
const all = ["botToken", "chatId", "url", "secret"] as const;

function refuseForeignFields(kind: Target["kind"], change: ChangeAlertChannel): void {
  const own: readonly string[] = fields[kind];
  const foreign = all.find((name) => change[name] !== undefined && !own.includes(name));
  if (foreign) {
    const message = `is not of a channel of the kind ${kind}`;
    throw new AppError("invalid-request", { errors: [{ pointer: `/${foreign}`, message }] });
  }
}

function next(present: Target, { botToken, chatId, url, secret: given }: ChangeAlertChannel, at: number): Target {
  if (present.kind === "telegram") {
    return { ...present, botToken: botToken ?? present.botToken, chatId: chatId ?? present.chatId };
  }
  if (present.kind === "slack") return { ...present, url: url ?? present.url };
  const moved = { ...present, url: url ?? present.url };
  return given === undefined ? moved : rotateSecret(moved, given, { at });
}
