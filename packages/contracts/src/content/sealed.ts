import { z } from "zod";
import { AddressText } from "../addresses.ts";
import { AccountNumber } from "../api/common.ts";
import { type Content, type SealedContent, sealedContentWith } from "./content.ts";
import { rendered } from "./render.ts";

/**
 * Connectors released before December 2026 know these two kinds only and refuse a payload with a `type`. The field `text`
 * or `code` shows the kind.
 */
const untyped = ["text", "code"] as const;

/** What a sealed message holds: the recipient and the content. */
export const SealedPayload = z.preprocess(withType, sealedContentWith({ to: z.union([AddressText, AccountNumber]) }));
export type SealedPayload = z.infer<typeof SealedPayload>;

/** A payload as the edge seals it. */
export function sealedPayload(to: string, content: Content | SealedContent): Record<string, unknown> {
  const { type, ...fields } = rendered(content);
  return untyped.some((each) => each === type) ? { to, ...fields } : { to, type, ...fields };
}

function withType(payload: unknown): unknown {
  if (typeof payload !== "object" || payload === null || "type" in payload) return payload;
  const type = untyped.find((each) => each in payload);
  return { ...payload, type };
}
