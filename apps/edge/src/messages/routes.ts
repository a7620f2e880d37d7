import type { Feature } from "../feature.ts";
import { sendMessageOperation } from "./send-routes.ts";
import { fetchFileOperation } from "./file-routes.ts";
import { lifeOperations } from "./life-routes.ts";
import { readOperations } from "./read-routes.ts";
import { codeJobs, revokeJobs, textJobs } from "./jobs.ts";
import { sessionOperations } from "./session-routes.ts";
import { sweepMessages } from "./sweeps.ts";

export const messages: Feature = {
  tag: { name: "Messages", description: "Texts and other messages." },
  notFound: "message-not-found",
  operations: [sendMessageOperation, ...readOperations, ...sessionOperations, ...lifeOperations, fetchFileOperation],
  jobs: [codeJobs, revokeJobs, textJobs],
  sweeps: sweepMessages,
};
