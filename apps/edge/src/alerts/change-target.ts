import { AppError, type ChangeAlertChannel } from "@sandi/contracts";
import type { EndpointTable } from "../db/tables/deliveries.ts";
import { targetFault } from "../http/targets.ts";
import type { Services } from "../services.ts";
import { rotateSecret } from "../outbound/secrets.ts";
import { openTarget, providerOf, sealTarget, type Target } from "../outbound/target.ts";

/** A channel with the target and the secrets of a change. */
export async function changeTarget(
  services: Services,
  row: EndpointTable,
  change: ChangeAlertChannel,
): Promise<EndpointTable> {
  refuseForeignFields(row.kind, change);
  const { botToken, chatId, url, secret } = change;
  if ([botToken, chatId, url, secret].every((each) => each === undefined)) return row;
  const fault = url === undefined ? undefined : targetFault(url, { allowLocal: services.allowLocalTargets });
  if (fault) throw invalid("url", fault);
  const present = await openTarget(services, row, row.target);
  const target = next(present, change, services.now().getTime());
  if (JSON.stringify(target) === JSON.stringify(present)) return row;
  return {
    ...row,
    target: await sealTarget(services, row, target),
    label: providerOf(target).labelOf(target),
    failuresInRow: 0,
  };
}

const fields = { telegram: ["botToken", "chatId"], slack: ["url"], webhook: ["url", "secret"] } as const;
const all = ["botToken", "chatId", "url", "secret"] as const;

function refuseForeignFields(kind: Target["kind"], change: ChangeAlertChannel): void {
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
  return given === undefined ? moved : rotateSecret(moved, given, at);
}
