import type { CreateVerification } from "@sandi/contracts";
import type { Context } from "../context.ts";
import type { Limit } from "../rate-limits/limit.ts";
import { accountSendLimit, endUserCheckLimit, endUserSendLimits, workspaceSendLimits } from "../rate-limits/named.ts";

/** The limits of these sends, each limit once with the total cost. */
export async function sendLimits(
  ctx: Context,
  bodies: readonly Pick<CreateVerification, "endUserIp" | "account">[],
): Promise<Limit[]> {
  const { services, actor } = ctx;
  const at = services.now().getTime();
  const wanted = await Promise.all(
    bodies.map(async ({ endUserIp, account }) => [
      ...(endUserIp === undefined ? [] : await endUserSendLimits(ctx, endUserIp)),
      ...(account === undefined ? [] : [await accountSendLimit(ctx, account)]),
    ]),
  );
  const byId = new Map<string, Limit>();
  for (const limit of wanted.flat()) {
    const name = `${limit.name} ${limit.id}`;
    byId.set(name, { ...limit, cost: (byId.get(name)?.cost ?? 0) + 1 });
  }
  return [...workspaceSendLimits(actor, at, bodies.length), ...byId.values()];
}

/** The limits of a check. */
export async function checkLimits(ctx: Context, endUserIp: string | undefined): Promise<Limit[]> {
  return endUserIp === undefined ? [] : [await endUserCheckLimit(ctx, endUserIp)];
}
