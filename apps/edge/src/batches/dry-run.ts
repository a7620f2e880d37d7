import { AppError, type BatchDryRun, type CreateBatch, type Pacing, pacingPresets } from "@sandi/contracts";
import { sql } from "kysely";
import { type Tenant, tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { firstOf, pickedOf } from "../messages/admission.ts";
import { askedOf, type AskedOfRequest, refusalOf, rulesOf } from "../messages/refusal.ts";
import { refuseInSandbox } from "../messages/sandbox.ts";
import { timeOf } from "../messages/schedule.ts";
import { senderOf } from "../messages/sender-of.ts";
import { amongRoute, type Route } from "../sessions/pick.ts";
import { isEligible, newChatsLeft } from "../sessions/sender-score.ts";
import { checkFiles } from "./files.ts";
import { readBatch, type Recipient } from "./read-batch.ts";

type Refused = BatchDryRun["refused"][number];

/** One statement decides about so many recipients. */
const atOnce = 50;

/** Answers what a batch would cost, by the rules that would decide about each recipient. It only reads. */
export async function dryRunBatch(ctx: Context, body: CreateBatch): Promise<BatchDryRun> {
  const { services, actor } = ctx;
  const at = services.now().getTime();
  const tenant = tenantOf(actor);
  const sendAt = timeOf(body.sendAt, at);
  const route = { sessionId: body.sessionId, poolId: body.poolId };
  const { recipients, duplicates, errors } = readBatch(actor, body);
  if (errors.length === 0) await checkFiles(ctx, { message: body.message, recipients });
  const refused: Refused[] = errors.map(({ pointer, message }) => ({
    pointer,
    code: "invalid-request",
    detail: message,
  }));
  for (let from = 0; from < recipients.length; from += atOnce) {
    const some = recipients.slice(from, from + atOnce);
    refused.push(...(await refusedOf(ctx, { some, tenant, route, at, isCounted: sendAt === null })));
  }
  const sessions = await sessionsOf(ctx, { tenant, route, at });
  const refusedRecipients = new Set(refused.map(({ pointer }) => /^\/\w+\/[0-9]+/.exec(pointer)?.[0] ?? pointer));
  const all = (body.recipients ?? body.messages ?? []).length - duplicates;
  const wouldSend = Math.max(0, all - refusedRecipients.size);
  return {
    recipients: all,
    duplicates,
    wouldSend,
    refused: refused.slice(0, 1_000),
    sessions: sessions.map(({ shown }) => shown),
    estimatedSeconds: estimate(wouldSend, tenant.test === 1 ? [{ isOnline: true, pacing: "off" }] : sessions),
  };
}

interface Some {
  some: Recipient[];
  tenant: Tenant;
  route: Route;
  at: number;
  isCounted: boolean;
}

async function refusedOf(ctx: Context, { some, tenant, route, at, isCounted }: Some): Promise<Refused[]> {
  const { services } = ctx;
  const { db } = services;
  const sender = senderOf(tenant);
  const tried = await Promise.all(
    some.map(({ to }) =>
      askedOf(ctx, { tenant, recipient: to, route, quotedMessageId: undefined, at }).catch((error: unknown) => {
        if (error instanceof AppError) return error;
        throw error;
      }),
    ),
  );
  const asked = tried.filter((one): one is AskedOfRequest => !(one instanceof AppError));
  const verdicts = await db.read(
    asked.map((one) => {
      const picked = pickedOf(
        sender.pick({ workspaceId: tenant.workspaceId, route: one.route, toHash: one.toHash, at }),
      );
      return sql<{
        verdict: string | null;
      }>`SELECT ${firstOf(rulesOf(one, { isCounted }))} AS verdict FROM ${picked} p`;
    }),
  );
  const found = await Promise.all(
    some.map(async ({ pointer, to }, i): Promise<Refused[]> => {
      const one = tried[i]!;
      const refusal = one instanceof AppError ? one : (inSandbox(to.phone?.magic) ?? (await verdictOn(one)));
      if (!refusal) return [];
      const { detail = refusal.extras.errors?.[0]?.message ?? refusal.message } = refusal.extras;
      return [{ pointer, code: refusal.code, detail }];
    }),
  );
  return found.flat();

  async function verdictOn(one: (typeof asked)[number]): Promise<AppError | undefined> {
    const verdict = verdicts[asked.indexOf(one)]?.rows[0]?.verdict;
    return verdict === null ? undefined : await refusalOf(services, verdict, one);
  }
}

function inSandbox(magic: string | undefined): AppError | undefined {
  try {
    refuseInSandbox(magic);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

interface Session {
  shown: BatchDryRun["sessions"][number];
  isOnline: boolean;
  pacing: Pacing;
}

/** The sessions that may send it. */
async function sessionsOf(
  { services: { db } }: Context,
  { tenant: { workspaceId, test }, route, at }: Pick<Some, "tenant" | "route" | "at">,
): Promise<Session[]> {
  if (test === 1) return [];
  const { rows } = await db.kysely.executeQuery(
    sql<{
      id: string;
      state: string;
      pacing: Pacing | null;
      newChatsLeft: number | null;
    }>`SELECT session.id, session.state,
        pool.pacing, ${newChatsLeft(at)} AS new_chats_left
      FROM session LEFT JOIN pool ON pool.id = session.pool_id
      WHERE session.workspace_id = ${workspaceId} AND ${amongRoute(workspaceId, route)} AND ${isEligible}
      ORDER BY session.id LIMIT 1000`.compile(db.kysely),
  );
  return rows.map(({ id, state, pacing: own, newChatsLeft: left }) => {
    const pacing = own ?? "normal";
    const isOnline = state === "online";
    const { perDay } = pacingPresets[pacing];
    const messagesPerDay = Number.isFinite(perDay) ? perDay : null;
    return { pacing, isOnline, shown: { id, isOnline, messagesPerDay, newChatsLeft: left } };
  });
}

const middle = ([from, to]: readonly [number, number]) => (from + to) / 2;
const daySeconds = 86_400;

/** By the middle of each range of the pacing; days on which all sessions have reached their limit count whole. */
function estimate(messages: number, sessions: readonly Pick<Session, "isOnline" | "pacing">[]): number | null {
  const online = sessions.filter(({ isOnline }) => isOnline).map(({ pacing }) => pacingPresets[pacing]);
  if (online.length === 0) return null;
  const perSecond = online.reduce((sum, { gapMs, pause }) => {
    const ms = middle(gapMs) + (pause ? middle(pause.ms) / middle(pause.after) : 0);
    return sum + 1000 / Math.max(ms, 100);
  }, 0);
  const perDay = online.reduce((sum, preset) => sum + preset.perDay, 0);
  const fullDays = Number.isFinite(perDay) ? Math.floor(Math.max(0, messages - 1) / perDay) : 0;
  const rest = messages - fullDays * (fullDays > 0 ? perDay : 0);
  return Math.ceil(fullDays * daySeconds + rest / perSecond);
}
