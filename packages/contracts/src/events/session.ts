import { z } from "zod";
import { examples } from "../api/examples.ts";
import { SenderLimits, Session, SessionProxy, SessionReason, SessionState } from "../api/sessions.ts";
import { defineEvent } from "./define-event.ts";

const number = z.string().max(32).nullable();

/** A session as events show it. */
export const EventSession = Session.omit({ score: true })
  .extend({
    phone: number.meta({
      description:
        "The linked account's number, masked for readers without `message:read`; null: no account is linked.",
    }),
    lastPhone: number.meta({
      description: "The number of the account that is linked or was linked last; null: no account is known.",
    }),
  })
  .meta({
    id: "EventSession",
    description:
      "A session as of an event. What no event of this type names is as it is now. `GET /v1/sessions/{id}` shows its score.",
  });
export type EventSession = z.infer<typeof EventSession>;

const data = EventSession;
const { score: _score, ...session } = examples.session;
const at = session.since;

/** What happens to a session. */
export const sessionEvents = [
  defineEvent({
    type: "session.state",
    data,
    change: z.object({
      state: SessionState,
      reason: SessionReason.nullable(),
      detail: Session.shape.detail,
      attempts: Session.shape.attempts,
    }),
    when: "A session has a new state, or a new reason for its state.",
    follows: "`detail` says what to do. Alert channels report sessions that are not online.",
    example: { at, data: session, change: { state: "online", reason: null, detail: null, attempts: 0 } },
  }),
  defineEvent({
    type: "session.account",
    data,
    change: z.object({
      number: z.string().max(32).meta({ description: "The account, masked.", example: "+62812•••0001" }),
      isLinked: z.boolean().meta({ description: "Whether the account was linked (true) or unlinked (false)." }),
    }),
    when: "An account was linked to the session, or unlinked.",
    follows: "Another account starts without the contacts, counts and limits of the former one.",
    example: { at: session.linkedAt, data: session, change: { number: "+62812•••0001", isLinked: true } },
  }),
  defineEvent({
    type: "session.limits",
    data,
    change: z.object({ limits: SenderLimits }),
    when: "WhatsApp's limits for the account changed, or are known for the first time. The count of used new chats alone makes no event.",
    follows: "A limited session does not send to strangers, or not at all (`pausedUntil`).",
    example: { at, data: session, change: { limits: session.limits } },
  }),
  defineEvent({
    type: "session.proxy",
    data,
    change: z.object({ proxy: SessionProxy.nullable().meta({ description: "Null: it has none any more." }) }),
    when: "The session has another proxy, or its proxy started or stopped to work.",
    follows: "A session connects only through its proxy.",
    example: { at, data: session, change: { proxy: session.proxy } },
  }),
] as const;
