import type { CheckVerification, CreateVerification, Verification, VerificationStatus } from "@sandi/contracts";
import { s256 } from "@sandi/crypto";
import type { Approver } from "../../src/verifications/approval.ts";
import { type Edge, wrong } from "../harness.ts";
import type { connectorOf } from "../senders.ts";

export const waysOf = {
  code: ["check by id", "check by number", "resend"],
  inbound: ["inbound match", "inbound reply", "auto", "fall-back at create", "fall-back later", "create again"],
  external: ["approve"],
} as const satisfies Record<Approver, readonly string[]>;
export type Way = (typeof waysOf)[Approver][number];

/** Fields that say how a code is sent and shown, and are compared by nobody. */
type Harmless =
  | "mode"
  | "companyName"
  | "locale"
  | "templateId"
  | "codeLength"
  | "codeAlphabet"
  | "endUserIp"
  | "account"
  | "metadata"
  | "clientVerifier";
export type Guard =
  | Exclude<keyof CreateVerification | keyof CheckVerification, Harmless>
  | Exclude<VerificationStatus, "pending" | "approved" | "expired">
  | "lock"
  | "test key"
  | "other workspace"
  | "forwarded"
  | "hidden sender";

const stranger = "+6281234500000";
const bind = { amount: "IDR 9,000,000", payee: "Toko Makmur" };
const verifier = "v".repeat(43);

/** What is shown when something is to be approved. */
export interface Evidence {
  code: string;
  bind?: object | undefined;
  clientVerifier?: string | undefined;
  key: string;
  to: string;
  purpose: string;
  from: string | null;
  session: string;
  isForwarded: boolean;
}

export interface World {
  edge: Edge;
  connector: ReturnType<typeof connectorOf>;
  session: string;
  elsewhere: string;
  /** A number that nothing was sent to yet. */
  nextNumber: () => string;
  testKey: string;
  other: { key: string; session: string };
}

export interface Attack {
  /** Fields of the create. */
  input?: (world: World) => object | Promise<object>;
  /** What has to be shown for them. */
  shown?: Partial<Evidence>;
  /** What is shown in its place, one try after the other. */
  tries?: (world: World, right: Evidence) => Partial<Evidence>[];
  /** What happens to the verification before it is tried. */
  before?: (world: World, made: Verification, right: Evidence) => Promise<unknown>;
  /** It was made with a test key, and is tried with a live one. */
  isRehearsal?: boolean;
  /** The caller knows the code, also if nobody was sent it. */
  knowsCode?: boolean;
}

const setStatus = (status: string) => ({
  before: ({ edge }: World, { id }: Verification) =>
    edge.client.execute({ sql: "UPDATE verification SET status = ? WHERE id = ?", args: [status, id] }),
});

export const attacks: Record<Guard, Attack> = {
  to: { tries: () => [{ to: stranger, from: stranger }] },
  purpose: { tries: () => [{ purpose: "other" }] },
  inboundVariant: { input: () => ({ inboundVariant: "reply" }), tries: (_, { code }) => [{ code: wrong(code) }] },
  expiresIn: {
    input: () => ({ expiresIn: 60 }),
    before: async ({ edge }) => edge.advance(60_000),
  },
  code: {
    input: () => ({ code: "480213" }),
    tries: (_, { code }) => [{ code: wrong(code) }],
    knowsCode: true,
  },
  revealCode: {
    input: () => ({ revealCode: true }),
    tries: (_, { code }) => [{ code: wrong(code) }],
    knowsCode: true,
  },
  bind: {
    input: () => ({ bind }),
    shown: { bind },
    tries: () => [{ bind: undefined }, { bind: { ...bind, payee: "Mallory" } }],
  },
  clientBinding: {
    input: async () => ({ clientBinding: { method: "S256", challenge: await s256(verifier) } }),
    shown: { clientVerifier: verifier },
    tries: () => [{ clientVerifier: undefined }, { clientVerifier: "x".repeat(43) }],
  },
  route: {
    input: ({ session }) => ({ route: { sessionId: session } }),
    tries: ({ elsewhere }) => [{ session: elsewhere }],
  },
  canceled: { before: ({ edge }, { id }) => edge.api(`POST /v1/verifications/${id}/cancel`) },
  max_attempts_reached: {
    before: async ({ edge }, { id }) => {
      const code = wrong(await edge.codeOf(id));
      for (let i = 0; i < 5; i++) await edge.api(`POST /v1/verifications/${id}/check`, { code });
    },
  },
  undeliverable: setStatus("undeliverable"),
  blocked: {
    before: ({ edge }, _, { to }) => edge.api("POST /v1/access-rules", { effect: "block", kind: "number", value: to }),
  },
  lock: {
    before: ({ edge }, { id }) =>
      edge.client.execute({
        sql: `INSERT INTO destination_budget (workspace_id, to_hash, consecutive, locked_until)
          SELECT workspace_id, to_hash, 100, 9999999999999 FROM verification WHERE id = ?`,
        args: [id],
      }),
  },
  "test key": { isRehearsal: true },
  "other workspace": { tries: ({ other }) => [{ key: other.key, session: other.session }] },
  forwarded: { tries: () => [{ isForwarded: true }] },
  "hidden sender": { tries: () => [{ from: null }] },
};
