import { z } from "zod";
import { Session, SessionId } from "@sandi/contracts";
import { accepted, noContent } from "../http/answers.ts";
import type { Feature } from "../feature.ts";
import { operation } from "../http/operation.ts";
import { sessionChangeLimit } from "../rate-limits/named.ts";
import { proxyOperations } from "./proxy-routes.ts";
import { setDesiredState } from "./set-desired-state.ts";

const byId = z.object({ id: SessionId });
const stored = accepted(Session, "Stored; the state follows.");

/** Starts, stops and ends sessions, and sets their proxies. It also concerns their messages and incidents, so it stands above those rooms. */
export const desiredState: Feature = {
  tag: { name: "Sessions" },
  notFound: "session-not-found",
  operations: [
    operation({
      id: "startSession",
      method: "post",
      path: "/v1/sessions/{id}/start",
      scope: "session:manage",
      live: true,
      idempotent: "change",
      summary: "Start a session",
      description: "Connects a stopped session again. A session that should already run does not change.",
      limits: sessionChangeLimit,
      params: byId,
      answers: stored,
      handle: (ctx, { params: { id } }) =>
        setDesiredState(ctx, { id, action: "session.started", desired: "running", unless: ["running"] }),
    }),
    operation({
      id: "stopSession",
      method: "post",
      path: "/v1/sessions/{id}/stop",
      scope: "session:manage",
      live: true,
      idempotent: "change",
      summary: "Stop a session",
      description:
        "Closes its connection and keeps it linked: `start` connects it again, without a QR code. Its queued messages wait, or another session of the pool sends them.",
      limits: sessionChangeLimit,
      params: byId,
      answers: stored,
      handle: (ctx, { params: { id } }) =>
        setDesiredState(ctx, { id, action: "session.stopped", desired: "stopped", unless: ["stopped", "logged_out"] }),
    }),
    operation({
      id: "restartSession",
      method: "post",
      path: "/v1/sessions/{id}/restart",
      scope: "session:manage",
      live: true,
      idempotent: "change",
      summary: "Restart a session",
      description: "Opens a new connection. A session that has ended or was logged out shows QR codes again.",
      limits: sessionChangeLimit,
      params: byId,
      answers: stored,
      handle: (ctx, { params: { id } }) =>
        setDesiredState(ctx, { id, action: "session.restarted", desired: "running" }),
    }),
    operation({
      id: "logoutSession",
      method: "post",
      path: "/v1/sessions/{id}/logout",
      scope: "session:manage",
      live: true,
      idempotent: "change",
      summary: "Log a session out",
      description: "Unlinks the device and deletes its credentials. To link it again, `restart` the session.",
      limits: sessionChangeLimit,
      params: byId,
      answers: stored,
      handle: (ctx, { params: { id } }) =>
        setDesiredState(ctx, { id, action: "session.logged_out", desired: "logged_out" }),
    }),
    operation({
      id: "deleteSession",
      method: "delete",
      path: "/v1/sessions/{id}",
      scope: "session:manage",
      live: true,
      idempotent: "change",
      summary: "Delete a session",
      description: "Unlinks the device, deletes its credentials, and fails its queued messages.",
      limits: sessionChangeLimit,
      params: byId,
      answers: noContent("Deleted."),
      handle: async (ctx, { params: { id } }) => {
        await setDesiredState(ctx, { id, action: "session.deleted", desired: "deleted" });
      },
    }),
    ...proxyOperations,
  ],
};
