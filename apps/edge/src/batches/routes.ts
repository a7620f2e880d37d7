import {
  AppError,
  Batch,
  BatchDryRun,
  BatchId,
  BatchList,
  BatchMessageList,
  CreateBatch,
  ListBatches,
  ListBatchMessages,
} from "@sandi/contracts";
import { z } from "zod";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { Feature } from "../feature.ts";
import { accepted, ok, page } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { toMessage, type Viewer } from "../messages/present.ts";
import { readMessages, selectOfBatch } from "../messages/repository.ts";
import { refusalsOfSends } from "../messages/send-routes.ts";
import { batchLimit } from "../rate-limits/named.ts";
import { changeBatch } from "./change-batch.ts";
import { createBatch } from "./create-batch.ts";
import { dryRunBatch } from "./dry-run.ts";
import { batchJobs } from "./jobs.ts";
import { toBatch, toSummary } from "./present.ts";
import { reportOf } from "./report.ts";
import { findOwn, selectBatch, selectBatches } from "./repository.ts";
import { expandRoute } from "./route.ts";
import { sweepBatches } from "./sweeps.ts";

const byId = z.object({ id: BatchId });
const readers = ["message:send", "message:read"] as const;
const viewerOf = ({ services, actor }: Context): Viewer => ({
  now: services.now().getTime(),
  scopes: actor.scopes,
});

async function requireOwn({ services, actor }: Context, id: string): Promise<void> {
  if (!(await findOwn(services.db, tenantOf(actor), id))) throw new AppError("batch-not-found");
}

const change = (name: "pause" | "resume" | "cancel", summary: string, description: string): Operation =>
  operation({
    id: `${name}Batch`,
    method: "post",
    path: `/v1/batches/{id}/${name}`,
    scope: "message:send",
    idempotent: "change",
    summary,
    description,
    params: byId,
    answers: ok(Batch, "The batch."),
    throws: ["batch-ended"],
    handle: (ctx, { params }) => changeBatch(ctx, params.id, name),
  });

export const batches: Feature = {
  tag: { name: "Batches", description: "Messages to many recipients." },
  notFound: "batch-not-found",
  operations: [
    operation({
      id: "createBatch",
      method: "post",
      path: "/v1/batches",
      scope: "message:send",
      idempotent: "create",
      summary: "Create a batch",
      description:
        "Accepts a message for up to 1,000 numbers: one `message` with the variables of each of the `recipients`, or `messages`, each with its own content. Every number and every text is checked; a wrong one refuses the whole batch, and `errors` names it. The messages are made a few at a time, in the lane `bulk`, under the rules of a single message. A number that a rule blocks fails with its reason; one that a limit refuses for now waits, for 7 days at most. The file of the `message` is stored once for all recipients, and kept until the batch has ended.",
      body: {
        schema: CreateBatch,
        example: {
          name: "Spring offers",
          message: { type: "text", text: "Hello {{name}}, your code is {{code}}." },
          recipients: [
            { to: "+6281234567890", variables: { name: "Budi", code: "SPRING" } },
            { to: "+6281234567891", variables: { name: "Siti", code: "MELATI" } },
          ],
        },
        limit: 2 * 1024 * 1024,
      },
      answers: accepted(Batch, "Stored. Its messages follow."),
      orAnswers: ok(BatchDryRun, "With `dryRun`: what it would cost."),
      throws: [
        ...refusalsOfSends,
        "batch-limit-reached",
        "media-not-found",
        "media-not-fetched",
        "media-unavailable",
        "payload-too-large",
      ],
      inputLimits: ({ actor }, { body }) => [
        batchLimit(actor, body.dryRun ? 0 : (body.recipients ?? body.messages ?? []).length),
      ],
      handle: async (ctx, { body, idempotencyKey }, c) =>
        body.dryRun ? c.json(await dryRunBatch(ctx, body), 200) : createBatch(ctx, { body, idempotencyKey }),
    }),
    operation({
      id: "listBatches",
      method: "get",
      path: "/v1/batches",
      scope: readers,
      summary: "List batches",
      description: "Newest first, without their counts.",
      query: ListBatches,
      answers: page(BatchList, "batches"),
      handle: async ({ services, actor }, { query: { limit, cursor = "bat_~" } }) =>
        (await selectBatches(services.db, tenantOf(actor), { before: cursor, limit }).execute()).map(toSummary),
    }),
    operation({
      id: "getBatch",
      method: "get",
      path: "/v1/batches/{id}",
      scope: readers,
      summary: "Get a batch",
      description: "Its status, and how far its recipients have come.",
      params: byId,
      answers: ok(Batch, "The batch."),
      handle: async (ctx, { params: { id } }) => {
        const viewer = viewerOf(ctx);
        const tenant = tenantOf(ctx.actor);
        const select = selectBatch(ctx.services.db, tenant, { id, viewer });
        const [row] = await readMessages(ctx.services.db, tenant, { select: select.compile(), at: viewer.now });
        if (!row) throw new AppError("batch-not-found");
        return toBatch(row);
      },
    }),
    operation({
      id: "listBatchMessages",
      method: "get",
      path: "/v1/batches/{id}/messages",
      scope: readers,
      summary: "List a batch's messages",
      description: "Newest first. Recipients who wait or were refused have no message: the report shows them.",
      params: byId,
      query: ListBatchMessages,
      answers: page(BatchMessageList, "messages"),
      handle: async (ctx, { params: { id }, query: { limit, cursor = "msg_~" } }) => {
        await requireOwn(ctx, id);
        const viewer = viewerOf(ctx);
        const tenant = tenantOf(ctx.actor);
        const select = selectOfBatch(ctx.services.db, tenant, { batchId: id, before: cursor, limit });
        const rows = await readMessages(ctx.services.db, tenant, { select, at: viewer.now });
        return rows.map((row) => toMessage(row, viewer));
      },
    }),
    operation({
      id: "getBatchReport",
      method: "get",
      path: "/v1/batches/{id}/report",
      scope: readers,
      summary: "Get a batch's report",
      description:
        "A line for each recipient, as CSV in UTF-8 with a byte order mark. A cell that a spreadsheet would run as a formula begins with an apostrophe; masked numbers do, because they begin with `+`.",
      params: byId,
      answers: {
        status: 200,
        description: "The report.",
        content: { "text/csv": { schema: z.string().max(2_000_000) } },
        headers: ["Content-Disposition"],
        render: (answer: Response) => answer,
      },
      handle: async (ctx, { params: { id } }) => {
        await requireOwn(ctx, id);
        return new Response(reportOf(ctx.services.db, id, viewerOf(ctx)), {
          headers: {
            "content-type": "text/csv; charset=utf-8",
            "content-disposition": `attachment; filename="${id}.csv"`,
          },
        });
      },
    }),
    change(
      "pause",
      "Pause a batch",
      "Makes no more messages, and holds those that no connector has claimed: they are `scheduled` until the batch goes on, and expire at their time. A batch that is paused for 30 days is canceled.",
    ),
    change("resume", "Resume a batch", "Goes on. Messages that were held are queued within a minute."),
    change(
      "cancel",
      "Cancel a batch",
      "Ends it: recipients who wait get no message, and messages that no connector has claimed are canceled.",
    ),
  ],
  routes: expandRoute,
  jobs: [batchJobs],
  sweeps: sweepBatches,
};
