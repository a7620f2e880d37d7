import { AppError, type Verification } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { recover } from "../db/lost-writes.ts";
import type { Db } from "../db/schema.ts";
import {
  type Accepted,
  type StoredResponse,
  forgetIdempotencyKey,
  keepResponse,
  replay,
} from "../http/idempotency/create.ts";
import { tenantOf } from "../auth/tenant.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { codeJobs } from "../messages/jobs.ts";
import { blockMessage, withdrawMessage } from "../messages/repository.ts";
import { answersInbound } from "../messages/sandbox.ts";
import type { Services } from "../services.ts";
import { refusalOf } from "./admission.ts";
import { type CreateInput, type Draft, idOfDraft, prepareDraft } from "./draft.ts";
import { moveVerifications } from "./life.ts";
import { presentVerification, type VerificationRow } from "./present.ts";
import { receiveToken } from "./receive-token.ts";
import { findVerification, selectVerification } from "./repository.ts";

/** So many go in one transaction. */
const chunkSize = 50;

/** Creates a verification or sends a pending one's code again: rows and job are one fact, stored in one batch. */
export async function createVerification(ctx: Context, input: CreateInput): Promise<Accepted<Verification>> {
  const [outcome] = await createVerifications(ctx, [input]);
  if (!outcome || outcome instanceof Error) throw outcome ?? new AppError("internal-error");
  return outcome;
}

/**
 * The same for many, each with an outcome of its own: what stands against one says nothing of the others. An error that
 * is not an `AppError` is the database's, and the caller's to present.
 */
export async function createVerifications(
  ctx: Context,
  inputs: readonly CreateInput[],
): Promise<(Accepted<Verification> | Error)[]> {
  const outcomes: (Accepted<Verification> | Error)[] = [];
  for (let at = 0; at < inputs.length; at += chunkSize) {
    const chunk = inputs.slice(at, at + chunkSize);
    outcomes.push(...(await createChunk(ctx, chunk)));
  }
  return outcomes;
}

async function createChunk(ctx: Context, inputs: readonly CreateInput[]) {
  const prepared = await Promise.all(inputs.map((input) => prepareDraft(ctx, input).catch(asError)));
  const drafts = prepared.filter((each): each is Draft => !(each instanceof Error));
  const stored = await store(ctx.services, drafts);
  return Promise.all(
    prepared.map(async (draft) => {
      if (draft instanceof Error) return draft;
      const result = stored.get(draft);
      if (!result || result instanceof Error) return result ?? new AppError("internal-error");
      return conclude(ctx, draft, result).catch(asError);
    }),
  );
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error("not an error", { cause: error }));

/** What the batch answered for one draft. */
interface Stored {
  earlier: StoredResponse | undefined;
  /** Absent when something stood against it. */
  row: VerificationRow | undefined;
}

/** One transaction for all; when its answer is lost each draft is settled, so that an error means nothing was stored. */
async function store(services: Services, drafts: readonly Draft[]): Promise<Map<Draft, Stored | Error>> {
  const { db } = services;
  if (drafts.length === 0) return new Map();
  try {
    const results = await db.write(drafts.flatMap(({ statements }) => statements));
    let at = 0;
    return new Map(
      drafts.map((draft) => {
        const own = results.slice(at, (at += draft.statements.length));
        const earlier = own[0]?.rows[0] as StoredResponse | undefined;
        const row = own.at(-1)?.rows[0] as VerificationRow | undefined;
        return [draft, { earlier, row: earlier ? undefined : row }];
      }),
    );
  } catch (error) {
    const settled = await Promise.all(
      drafts.map(async (draft): Promise<[Draft, Stored | Error]> => {
        const row = await recover(services, error, remedy(db, draft)).catch(asError);
        return [draft, row instanceof Error ? row : { earlier: undefined, row }];
      }),
    );
    return new Map(settled);
  }
}

/** For the batch whose answer was lost; to withdraw a resend gives its send back. */
function remedy(db: Db, draft: Draft) {
  const { tenant, idempotencyKey, at, id, messageId } = draft;
  const { workspaceId } = tenant;
  const lost = { id: messageId, now: at, idempotencyKey };
  const isWithdrawn = sql<boolean>`EXISTS (SELECT 1 FROM message m WHERE m.id = ${messageId} AND m.status = 'canceled')`;
  return {
    settle: async () => {
      const [, { rows }] = await db.write([
        blockMessage(db, workspaceId, lost),
        selectVerification(db, tenant, sql`(SELECT id FROM (${idOfDraft(draft)}))`),
      ]);
      return rows[0];
    },
    withdraw: () =>
      db.write([
        ...withdrawMessage(db, workspaceId, lost),
        ...forgetIdempotencyKey(db, workspaceId, { idempotencyKey, at }),
        // The code of a verification that nobody was told of is forgotten.
        moveVerifications(db, "cancel", {
          which: sql`id = ${id} AND workspace_id = ${workspaceId}
            AND (message_id = ${messageId} OR message_id IS NULL) AND ${isWithdrawn}`,
          at,
        }),
        sql`UPDATE verification SET sends_left = sends_left + 1, next_send_at = ${at}, updated_at = ${at}
          WHERE message_id = ${messageId} AND id <> ${id} AND workspace_id = ${workspaceId} AND status = 'pending'
            AND next_send_at > ${at} AND ${isWithdrawn}`.compile(db.kysely),
      ]),
  };
}

async function conclude(ctx: Context, draft: Draft, { earlier, row }: Stored): Promise<Accepted<Verification>> {
  const { services, actor } = ctx;
  const { db } = services;
  const { tenant, plan, body, idempotencyKey, at, id, messageId } = draft;
  const { workspaceId } = tenant;
  if (earlier) {
    const render = (made: string) => renderAnew(ctx, made);
    return replay(services, workspaceId, { earlier, idempotencyKey, render });
  }
  if (!row) {
    const { purpose } = body;
    const route = { ...body.route, within: "/route" };
    const opensChat = plan.mode === "push";
    const { mayFallBack } = plan;
    throw await refusalOf({ db }, draft.destination, {
      purpose,
      route,
      opensChat,
      mayFallBack,
      scopes: draft.scopes,
    });
  }
  let shown = row;
  if (tenant.test === 1 && row.mode === "inbound" && row.receivedAt === null && answersInbound(plan.phone.magic)) {
    await receiveToken(services, {
      id: row.id,
      tenant,
      sender: { toHash: draft.destination.toHash },
      policy: actor.policy,
      perDay: services.destinationPerDay,
      trace: ctx.trace,
      at,
    });
    shown = (await findVerification(db, tenant, row.id)) ?? row;
  }
  const created = row.id === id;
  const verification = {
    ...(await presentVerification(services, shown, { now: at, scopes: actor.scopes, created })),
    ...(created && body.revealCode ? { code: plan.code } : {}),
  };
  if (row.messageId === messageId && tenant.test === 0) {
    const { sessionId, expiresAt } = row;
    publishSoon(services, codeJobs, [
      { id: messageId, sessionId, expiresAt, publishCount: 1, pacing: null, trace: ctx.trace },
    ]);
  }
  keepResponse(services, workspaceId, {
    idempotencyKey,
    response: verification,
    isSecret: verification.code !== undefined,
  });
  return { resource: verification, replayed: false };
}

async function renderAnew(ctx: Context, id: string): Promise<Verification> {
  const { services, actor } = ctx;
  const row = await findVerification(services.db, tenantOf(actor), id);
  if (!row) throw new AppError("verification-not-found");
  return presentVerification(services, row, { now: services.now().getTime(), scopes: actor.scopes, created: true });
}
