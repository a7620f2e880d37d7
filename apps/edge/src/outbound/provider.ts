import type { TargetAnswer, TargetCall } from "../services.ts";
import type { Message } from "./topic.ts";

/** One message on its way to a target. */
export interface Sending {
  /** The event's id, or the delivery's. */
  id: string;
  /** Repeated by hand or by a replay. */
  isReplay: boolean;
  message: Message;
  now: Date;
  telegramUrl: string;
}

/**
 * A service that takes messages; `Target` is the address and the secrets of one place there. A new service is a file in
 * `providers/` and an entry in `target.ts`.
 */
export interface Provider<Target> {
  /** The request that brings a message to the target. */
  request: (target: Target, sending: Sending) => TargetCall | Promise<TargetCall>;
  /** The part of a target that may be shown: where it is, but nothing that gives access. */
  labelOf: (target: Target) => string;
  /** The address, if a customer chose it. It is checked before each request. */
  addressOf?: (target: Target) => string;
  /** The service's own words about a refusal. If left out, they are not shown: they may hold secrets. */
  refusalOf?: (answer: TargetAnswer) => string | undefined;
  /** How long the answer's body asks to wait, in seconds as text. */
  waitIn?: (text: string) => string | undefined;
  /** The target that an answer names in place of this one. */
  movedTo?: (target: Target, answer: TargetAnswer) => Target | undefined;
}

export const jsonHeaders = { "content-type": "application/json", "user-agent": "Sandi/1" };
