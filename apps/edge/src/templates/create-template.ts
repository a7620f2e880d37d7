import { AppError, type Template, type TemplateInput } from "@sandi/contracts";
import { sql } from "kysely";
import { recover } from "../db/lost-writes.ts";
import type { Db, KnownKey, TemplateTable } from "../db/schema.ts";
import {
  type Accepted,
  type Earlier,
  forgetRepetition,
  idempotencyTtlMs,
  keepResponse,
  notAnswered,
  noteRepetition,
  notRepeated,
  type Repetition,
  replay,
  selectEarlier,
} from "../http/idempotency.ts";
import { newId, type Services } from "../services.ts";
import { noteChange } from "./audit.ts";
import { conflictError, isFree, selectConflicts } from "./conflicts.ts";
import { findTemplate, selectTemplates, toStored, toTemplate } from "./repository.ts";

interface Input {
  key: KnownKey;
  input: TemplateInput;
  repetition: Repetition | undefined;
}

/** So many templates may a workspace have. */
const templateLimit = 100;

/** Stores a template; with a purpose it is the default of that from now on. */
export async function createTemplate(
  services: Services,
  { key, input, repetition }: Input,
  limit = templateLimit,
): Promise<Accepted<Template>> {
  const { db, templateCache } = services;
  const { workspaceId } = key;
  const at = services.now().getTime();
  const id = newId(services, "tpl");
  const auditId = newId(services, "aud");
  const since = at - idempotencyTtlMs;
  const claim = { id, input };
  const statements = [
    selectEarlier(db, workspaceId, repetition, since),
    sql`INSERT INTO template (id, workspace_id, name, purpose, texts, created_at, updated_at)
      SELECT ${id}, ${workspaceId}, ${input.name}, ${input.purpose}, ${JSON.stringify(input.texts)}, ${at}, ${at}
      WHERE ${notRepeated(workspaceId, repetition, since)} AND ${isFree(workspaceId, claim)}
        AND ${limit} > (SELECT count(*) FROM template WHERE workspace_id = ${workspaceId})
        AND NOT EXISTS (SELECT 1 FROM audit WHERE id = ${auditId})`.compile(db.kysely),
    noteChange(db, { id: auditId, key, action: "template.created", template: { id, ...input }, at }),
    ...noteRepetition(db, workspaceId, { repetition, made: sql`SELECT id FROM template WHERE id = ${id}`, at }),
    selectConflicts(db, workspaceId, claim),
    selectTemplates(db, workspaceId).where("id", "=", id),
  ] as const;

  let earlier: Earlier | undefined;
  let conflicts: readonly TemplateInput[] = [];
  let stored: TemplateTable | undefined;
  try {
    const results = await db.write(statements);
    earlier = results[0].rows[0];
    conflicts = (results.at(-2)?.rows ?? []) as TemplateInput[];
    stored = results.at(-1)?.rows[0] as TemplateTable | undefined;
  } catch (error) {
    stored = await recover(services, error, remedy(db, key, { id, auditId, at, repetition }));
  } finally {
    templateCache.delete(workspaceId);
  }

  if (earlier) {
    const render = async (made: string) => {
      const template = await findTemplate(db, workspaceId, made);
      if (!template) throw new AppError("template-not-found");
      return toTemplate(template);
    };
    return replay(services, workspaceId, { earlier, repetition, render });
  }
  if (!stored) {
    const detail = `A workspace has at most ${limit} templates; delete one that is not needed.`;
    throw conflictError(conflicts, input) ?? new AppError("template-limit-reached", { detail });
  }
  const template = toTemplate(toStored(stored));
  keepResponse(services, workspaceId, { repetition, response: template });
  return { resource: template, replayed: false };
}

interface Lost {
  id: string;
  auditId: string;
  at: number;
  repetition: Repetition | undefined;
}

/** The id of its audit entry is taken away, without which no template is made, or what has landed is deleted again. */
function remedy(db: Db, key: KnownKey, { id, auditId, at, repetition }: Lost) {
  const { workspaceId } = key;
  const taken = sql`INSERT INTO audit (id, workspace_id, actor, action, target, detail, created_at)
    VALUES (${auditId}, ${workspaceId}, ${key.id}, 'template.not_created', ${id}, '{}', ${at}) ON CONFLICT (id)`;
  return {
    settle: async () => {
      const [, { rows }] = await db.write([
        sql`${taken} DO NOTHING`.compile(db.kysely),
        selectTemplates(db, workspaceId).where("id", "=", id),
      ]);
      return rows[0];
    },
    withdraw: () => {
      const isUnknown = notAnswered(workspaceId, repetition);
      return db.write([
        sql`${taken} DO UPDATE SET action = excluded.action WHERE ${isUnknown}`.compile(db.kysely),
        sql`DELETE FROM template WHERE id = ${id} AND workspace_id = ${workspaceId} AND ${isUnknown}`.compile(
          db.kysely,
        ),
        ...forgetRepetition(db, workspaceId, { repetition, at }),
      ]);
    },
  };
}
