import type { CreatedAccessRule, Verification } from "@sandi/contracts";
import type { Edge } from "./harness.ts";

export const to = "+6281234567890";

/** Makes access rules, and asks for the codes that they block or allow. */
export function accessRuleCalls(edge: () => Edge) {
  const add = (effect: string, kind: string, value: string, more = {}, options = {}) =>
    edge().api<CreatedAccessRule>("POST /v1/access-rules", { effect, kind, value, ...more }, options);
  const verify = (more = {}) => edge().api<Verification>("POST /v1/verifications", { to, ...more });
  return {
    add,
    block: (kind: string, value: string, more = {}) => add("block", kind, value, more),
    verify,
    codeFor: async (more = {}) => (await verify(more)).body.code,
    isoIn: (ms: number) => new Date(edge().services.now().getTime() + ms).toISOString(),
  };
}
