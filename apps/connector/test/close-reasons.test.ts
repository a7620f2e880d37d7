import { expect, test } from "vitest";
import { closeKind } from "../src/close-reasons.ts";

test.each([
  [515, "restart_required"],
  [428, "connection_lost"],
  [408, "timed_out"],
  [503, "server_unavailable"],
  [500, "server_error"],
  [440, "replaced"],
  [401, "logged_out"],
  [403, "banned"],
  [400, "login_refused"],
  [402, "banned_for_a_time"],
  [405, "version_refused"],
  [406, "banned"],
  [409, "version_refused"],
  [411, "bad_session"],
  [413, "login_refused"],
  [414, "login_refused"],
  [415, "account_not_found"],
  [418, "version_refused"],
  [501, "login_refused"],
  [999, "login_refused"],
  [undefined, "connection_lost"],
])("close code %s is %s", (code, kind) => expect(closeKind(code)).toBe(kind));
