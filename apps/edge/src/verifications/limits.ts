import type { CreateVerification } from "@sandi/contracts";
import type { KnownKey } from "../db/schema.ts";
import type { Limit } from "../limits/limit.ts";
import { accountSendLimit, endUserCheckLimit, endUserSendLimits, workspaceSendLimits } from "../limits/named.ts";
import type { Services } from "../services.ts";

/** What sends for these requests take from, each limit once with all that they cost it. */
export async function sendLimits(
  services: Services,
  key: KnownKey,
  bodies: readonly Pick<CreateVerification, "endUserIp" | "account">[],
): Promise<Limit[]> {
  const at = services.now().getTime();
  const wanted = await Promise.all(
    bodies.map(async ({ endUserIp, account }) => [
      ...(endUserIp === undefined ? [] : await endUserSendLimits(services, key, endUserIp)),
      ...(account === undefined ? [] : [await accountSendLimit(services, key, account)]),
    ]),
  );
  const byId = new Map<string, Limit>();
  for (const limit of wanted.flat()) {
    const name = `${limit.name} ${limit.id}`;
    byId.set(name, { ...limit, cost: (byId.get(name)?.cost ?? 0) + 1 });
  }
  return [...workspaceSendLimits(key, at, bodies.length), ...byId.values()];
}

/** What a check takes from. */
export async function checkLimits(services: Services, key: KnownKey, endUserIp: string | undefined): Promise<Limit[]> {
  return endUserIp === undefined ? [] : [await endUserCheckLimit(services, key, endUserIp)];
}
