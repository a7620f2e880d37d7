import { AppError, type Verification } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { Db } from "../db/schema.ts";
import {
  asError,
  type Accepted,
  type StoredResponse,
  forgetIdempotencyKey,
  idempotencyTtlMs,
  keepResponse,
  hasNoResponse,
  replay,
  selectStoredResponse,
} from "../http/idempotency/create.ts";
import { tenantOf } from "../auth/tenant.ts";
import { takeVerdict } from "../messages/admission.ts";
import { codeJobs } from "../messages/jobs.ts";
import { moveMessages } from "../messages/life.ts";
import { senderOf } from "../messages/sender-of.ts";
import type { Services } from "../services.ts";
import { type Candidate, selectCandidate } from "../sessions/pick.ts";
import { cachedTemplates } from "../templates/cache.ts";
import { type CreateInput, type Draft, idOfDraft } from "./draft.ts";
import { moveVerifications } from "./life.ts";
import { type PreparedDraft, prepareDraft } from "./prepare-draft.ts";
import { presentVerification, type VerificationRow } from "./present.ts";
import { refusalOf } from "./refusal.ts";
import { findVerification, selectVerification } from "./repository.ts";
import { readVerdict, type Verdict } from "./verdict.ts";
import { commit } from "../writes/commit.ts";

/** So many go in one transaction. */
const chunkSize = 50;

/** Creates a verification or sends a pending one's code again: rows and job are one fact, stored in one batch. */
export async function createVerification(ctx: Context, input: CreateInput): Promise<Accepted<Verification>> {
  return createOne(ctx, await prepareDraft(ctx, input));
}

/** The same in two steps: does not use the database until the returned function is called. */
export async function prepareVerification(
  ctx: Context,
  input: CreateInput,
): Promise<() => Promise<Accepted<Verification>>> {
  if (!cachedTemplates(ctx, input.body.templateId)) return () => createVerification(ctx, input);
  const draft = await prepareDraft(ctx, input);
  return () => createOne(ctx, draft);
}

async function createOne(ctx: Context, draft: PreparedDraft): Promise<Accepted<Verification>> {
  const [outcome] = await createPrepared(ctx, [draft]);
  if (!outcome || outcome instanceof Error) throw outcome ?? new AppError("internal-error");
  return outcome;
}

/**
 * The same for many, each with its own outcome: a refusal of one does not affect the others. An error that is not an
 * `AppError` comes from the database, and the caller presents it.
 */
export async function createVerifications(
  ctx: Context,
  inputs: readonly CreateInput[],
): Promise<(Accepted<Verification> | Error)[]> {
  const outcomes: (Accepted<Verification> | Error)[] = [];
  for (let at = 0; at < inputs.length; at += chunkSize) {
    const chunk = inputs.slice(at, at + chunkSize);
    const prepared = await Promise.all(chunk.map((input) => prepareDraft(ctx, input).catch(asError)));
    outcomes.push(...(await createPrepared(ctx, prepared)));
  }
  return outcomes;
}

async function createPrepared(ctx: Context, prepared: readonly (PreparedDraft | Error)[]) {
  const drafts = prepared.filter((each): each is PreparedDraft => !(each instanceof Error));
  const stored = await store(ctx.services, drafts);
  const candidates = findCandidates(ctx.services, stored);
  return Promise.all(
    prepared.map(async (draft) => {
      if (draft instanceof Error) return draft;
      const result = stored.get(draft);
      if (!result || result instanceof Error) return result ?? new AppError("internal-error");
      return conclude(ctx, draft, { ...result, candidates }).catch(asError);
    }),
  );
}

/** What the batch answered for one draft. */
interface Stored {
  earlier: StoredResponse | undefined;
  /** Absent when a rule refused. */
  row: VerificationRow | undefined;
  /** Null when no rule refused, undefined when the database's answer was lost. */
  verdict: Verdict | null | undefined;
}

/** One transaction for all: when its answer is lost, either all drafts were stored or none. */
async function store(services: Services, drafts: readonly PreparedDraft[]): Promise<Map<Draft, Stored | Error>> {
  const { db } = services;
  if (drafts.length === 0) return new Map();
  try {
    const { written, found } = await commit(services, {
      writes: drafts.map(({ writes, messageId }) => ({ writes, verdict: takeVerdict(db, messageId) })),
      reads: { found: drafts.map((draft) => readsOf(db, draft)) },
      undo: () => ({ writes: drafts.map((draft) => undoOf(db, draft)) }),
    });
    return new Map(
      drafts.map((draft, i) => {
        const row = found[i]?.row[0];
        // Behind the writes the key's row may be this request's own.
        const earlier = row ? undefined : found[i]?.earlier[0]?.[0];
        const verdict = written?.[i]?.verdict.rows[0]?.verdict;
        return [draft, { earlier, row, verdict: typeof verdict === "string" ? readVerdict(verdict) : verdict }];
      }),
    );
  } catch (error) {
    return new Map(drafts.map((draft) => [draft, asError(error)]));
  }
}

/** The answer to an earlier request with the same key, and the verification, unless a rule refused. */
const readsOf = (db: Db, { tenant, idempotencyKey, at, ...draft }: Draft) => ({
  earlier: idempotencyKey ? [selectStoredResponse(db, tenant.workspaceId, idempotencyKey, at - idempotencyTtlMs)] : [],
  row: selectVerification(db, tenant, sql`(${idOfDraft(draft)})`),
});

type Candidates = ReadonlyMap<Draft, Candidate | undefined>;

/**
 * The best sessions for drafts that no session may send: they explain the refusals. They are read after the verdicts, so a
 * session may be able to send by now. Then the refusal has no detail, and a retry succeeds.
 */
async function findCandidates({ db }: Services, stored: Map<Draft, Stored | Error>): Promise<Candidates> {
  const drafts = [...stored].flatMap(([draft, result]) => (isWithoutSender(result) ? [draft] : []));
  if (drafts.length === 0) return new Map();
  const results = await db.read(
    drafts.map(({ tenant, body, destination, at }) =>
      selectCandidate(db, tenant.workspaceId, { route: body.route ?? {}, toHash: destination.toHash, at }),
    ),
  );
  return new Map(drafts.map((draft, i) => [draft, results[i]?.rows[0]]));
}

const isWithoutSender = (result: Stored | Error) => !(result instanceof Error) && result.verdict?.[0] === "no-sender";

/** Takes a draft back, unless a repetition was answered or its message is on its way; a resend gives its send back. */
function undoOf(db: Db, { tenant, idempotencyKey, at, id, messageId }: Draft) {
  const { workspaceId } = tenant;
  const isUnknown = sql<boolean>`workspace_id = ${workspaceId} AND ${hasNoResponse(workspaceId, idempotencyKey)}`;
  const isUnsent = sql<boolean>`NOT EXISTS (SELECT 1 FROM message m WHERE m.id = ${messageId} AND m.status <> 'canceled')`;
  return [
    moveMessages(db, "cancel", { which: sql`id = ${messageId} AND ${isUnknown}`, at }),
    // No caller knows this verification, so it is canceled and its code is deleted.
    moveVerifications(db, "cancel", {
      which: sql`id = ${id} AND ${isUnknown} AND (message_id = ${messageId} OR message_id IS NULL) AND ${isUnsent}`,
      at,
    }),
    sql`UPDATE verification SET sends_left = sends_left + 1, next_send_at = ${at}, updated_at = ${at}
      WHERE message_id = ${messageId} AND id <> ${id} AND ${isUnknown} AND status = 'pending'
        AND next_send_at > ${at} AND ${isUnsent}`,
    forgetIdempotencyKey(db, workspaceId, { idempotencyKey, at }),
  ];
}

async function conclude(
  ctx: Context,
  draft: Draft,
  { earlier, row, verdict, candidates }: Stored & { candidates: Promise<Candidates> },
): Promise<Accepted<Verification>> {
  const { services, actor } = ctx;
  const { tenant, plan, body, idempotencyKey, at, id, messageId } = draft;
  const { workspaceId } = tenant;
  if (earlier) {
    const render = (made: string) => renderCreated(ctx, made);
    return replay(services, workspaceId, { earlier, idempotencyKey, render });
  }
  if (!row) {
    // The database's answer was lost, and the verdict with it. Nothing was stored.
    if (verdict === undefined) throw new AppError("database-unavailable", { retryAfter: 1 });
    if (verdict === null) throw new AppError("internal-error");
    const { policy, perDay, country } = draft.destination;
    throw refusalOf(verdict, {
      candidate: verdict[0] === "no-sender" ? (await candidates).get(draft) : undefined,
      sender: senderOf(tenant),
      policy,
      perDay,
      country,
      at,
      route: { ...body.route, within: "/route" },
      opensChat: plan.mode === "push",
      mayFallBack: plan.mayFallBack,
    });
  }
  const created = row.id === id;
  const verification = {
    ...(await presentVerification(services, row, { now: at, scopes: actor.scopes, created })),
    ...(created && body.revealCode ? { code: plan.code } : {}),
  };
  if (row.messageId === messageId) {
    const { sessionId, expiresAt } = row;
    senderOf(tenant).publish(services, codeJobs, [
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

async function renderCreated(ctx: Context, id: string): Promise<Verification> {
  const { services, actor } = ctx;
  const now = services.now().getTime();
  const row = await findVerification(services.db, tenantOf(actor), id, now);
  if (!row) throw new AppError("verification-not-found");
  return presentVerification(services, row, { now, scopes: actor.scopes, created: true });
}
