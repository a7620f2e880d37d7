import { AppError, type ChangeAlertChannel } from "@sandi/contracts";
import type { AlertChannelTable } from "../db/schema.ts";
import { targetFault } from "../http/targets.ts";
import type { Services } from "../services.ts";
import { labelOf, openTarget, sealTarget, type Target } from "./repository.ts";

const dayMs = 24 * 3600_000;

/** A channel as it is when it goes where a change says, with the secrets that it brings. */
export async function redirect(
  services: Services,
  row: AlertChannelTable,
  change: ChangeAlertChannel,
): Promise<AlertChannelTable> {
  refuseOthers(row.kind, change);
  const { botToken, chatId, url, secret } = change;
  if ([botToken, chatId, url, secret].every((each) => each === undefined)) return row;
  const fault = url === undefined ? undefined : targetFault(url, { allowLocal: services.allowLocalTargets });
  if (fault) throw invalid("url", fault);
  const present = await openTarget(services, row, row.target);
  const target = next(present, change, services.now().getTime());
  if (JSON.stringify(target) === JSON.stringify(present)) return row;
  return { ...row, target: await sealTarget(services, row, target), label: labelOf(target), failuresInRow: 0 };
}

const fields = { telegram: ["botToken", "chatId"], slack: ["url"], webhook: ["url", "secret"] } as const;
const all = ["botToken", "chatId", "url", "secret"] as const;

function refuseOthers(kind: Target["kind"], change: ChangeAlertChannel): void {
  const own: readonly string[] = fields[kind];
  const foreign = all.find((name) => change[name] !== undefined && !own.includes(name));
  if (foreign) throw invalid(foreign, `is not of a channel of the kind ${kind}`);
}

const invalid = (name: string, message: string) =>
  new AppError("invalid-request", { errors: [{ pointer: `/${name}`, message }] });

function next(present: Target, { botToken, chatId, url, secret: given }: ChangeAlertChannel, at: number): Target {
  if (present.kind === "telegram") {
    return { ...present, botToken: botToken ?? present.botToken, chatId: chatId ?? present.chatId };
  }
  if (present.kind === "slack") return { ...present, url: url ?? present.url };
  const moved = { ...present, url: url ?? present.url };
  const secret = given?.replace(/^v1,/, "") ?? present.secret;
  if (secret === present.secret) return moved;
  return { ...moved, secret, previousSecret: present.secret, previousUntil: at + dayMs };
}
