import { createId, type IdPrefix, type PairingCodeRpcRequest, type PairingCode, type QrRpcRequest, type QrRpcResponse, type SendJob, type SessionJob } from "@sandi/contracts";
import type { KeyRing, Random, Sealer, TokenVerifier } from "@sandi/crypto";
import type { EdgeDatabase } from "./db/schema.ts";

/** Puts a job into QStash. Rejects when it was not taken; the row stays and cron tries again. */
export type Publish = (job: { kind: "send"; job: SendJob } | { kind: "session"; job: SessionJob }, count: number) => Promise<void>;

/** What needs the connector's answer now. Throws `connector-unavailable` and what the connector itself refuses. */
export interface Connector {
  qr(request: QrRpcRequest): Promise<QrRpcResponse>;
  pairingCode(request: PairingCodeRpcRequest): Promise<PairingCode>;
}

/** Everything that reaches outside of a function: built at the entry, replaced whole in tests. */
export interface Services {
  db: EdgeDatabase;
  now: () => Date;
  random: Random;
  newId: <P extends IdPrefix>(prefix: P) => `${P}_${string}`;
  publish: Publish;
  connector: Connector;
  /** False when this token id was seen before. */
  isFirstUse: (jti: string, expiresAt: Date) => Promise<boolean>;
  peppers: KeyRing;
  phonePepper: KeyRing;
  linkKeys: KeyRing;
  seal: Sealer;
  verifyFromConnector: TokenVerifier;
  publicUrl: string;
  /** Lets work go on after the answer. */
  afterwards: (work: Promise<unknown>) => void;
  /** One line for the operator; never a code, key, text or number. */
  log: (line: string) => void;
}

/** Makes ids from the services' own clock and randomness. */
export function idSource(now: () => Date, random: Random): Services["newId"] {
  return (prefix) => createId(prefix, now(), random(10));
}
