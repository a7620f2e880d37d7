import { AppError, Erasure, ErasureId, PersonParam } from "@sandi/contracts";
import { z } from "zod";
import type { Feature } from "../feature.ts";
import { accepted, ok } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { erasureLimits } from "../rate-limits/named.ts";
import { erasureJobs } from "./jobs.ts";
import { toErasure } from "./present.ts";
import { requestErasure } from "./request-erasure.ts";
import { advanceRoute } from "./route.ts";
import { sweepErasures } from "./sweeps.ts";

export const erasures: Feature = {
  tag: { name: "People", description: "What is stored of a person, and how it is erased." },
  notFound: "erasure-not-found",
  operations: [
    operation({
      id: "erasePerson",
      method: "delete",
      path: "/v1/people/{person}",
      scope: "data:erase",
      live: true,
      idempotent: "change",
      summary: "Erase a person",
      description:
        "Deletes what is stored of a person in the workspace, in all sessions, those of the sandbox too: messages and their files, numbers of verifications and batches, contacts, stored answers. Messages that wait are canceled, pending verifications end. It is a job: it waits for connectors that are away, and its report has counts, and says what it does not reach. What was written before does not come back; a message that the person writes later is of a new contact. The answer is the same for a person of whom nothing is stored.",
      limits: erasureLimits,
      params: z.object({ person: PersonParam }),
      notFoundOf: { person: "person-not-found" },
      throws: ["person-not-found"],
      answers: accepted(Erasure, "It has begun, or was running already."),
      handle: (ctx, { params }) => requestErasure(ctx, params.person),
    }),
    operation({
      id: "getErasure",
      method: "get",
      path: "/v1/erasures/{id}",
      scope: "data:erase",
      live: true,
      summary: "Get an erasure",
      description: "How far it is, with the report so far. Reports are kept for 365 days.",
      params: z.object({ id: ErasureId }),
      answers: ok(Erasure, "The erasure."),
      handle: async ({ services: { db }, actor }, { params: { id } }) => {
        const row = await db.kysely
          .selectFrom("erasure")
          .select(["id", "state", "progress", "createdAt", "finishedAt"])
          .where("id", "=", id)
          .where("workspaceId", "=", actor.workspaceId)
          .executeTakeFirst();
        if (!row) throw new AppError("erasure-not-found");
        return toErasure(row);
      },
    }),
  ],
  routes: advanceRoute,
  jobs: [erasureJobs],
  sweeps: sweepErasures,
};
