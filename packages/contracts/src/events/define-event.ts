import { z } from "zod";
import { type Event, envelope } from "./event.ts";

/** A type of event. */
export interface EventDefinition<
  Type extends string = string,
  Data extends z.ZodType = z.ZodType,
  Change extends z.ZodObject = z.ZodObject,
> {
  type: Type;
  /** The resource as of the event. */
  data: Data;
  /** What the event adds to it. */
  change: Change;
  /** When it happens, as a sentence. */
  when: string;
  /** What Sandi does then, or what the receiver can do. */
  follows: string;
  /** Whether the pattern `*` includes it. */
  isInAll: boolean;
  schema: EventSchema<Type, Data, Change>;
  example: Event;
}

type EventSchema<Type extends string, Data extends z.ZodType, Change extends z.ZodObject> = z.ZodObject<
  typeof envelope & { type: z.ZodLiteral<Type>; data: z.ZodUnion<readonly [Data, z.ZodNull]>; change: Change }
>;

interface Parts<Type extends string, Data extends z.ZodType, Change extends z.ZodObject> extends Pick<
  EventDefinition<Type, Data, Change>,
  "type" | "data" | "change" | "when" | "follows"
> {
  /** Events of it go only to receivers that name it or its family: there are many, or they hold something secret. */
  isOnlyByName?: true;
  example: Pick<Event, "at"> &
    Partial<Omit<Event, "data" | "change" | "type">> & { data: z.input<Data>; change: z.input<Change> };
}

const tail = "01jd3k9v7hq2w8x5n4b6m0c1ta";
const exampleEnvelope = {
  id: `evt_${tail}`,
  workspaceId: `ws_${tail}`,
  sessionId: `ses_${tail}`,
  chatId: null,
  messageId: null,
  verificationId: null,
  sequence: 4_817,
  isOffline: false,
  isTest: false,
};

/** A type of event with its schema and a whole example. */
export function defineEvent<Type extends string, Data extends z.ZodType, Change extends z.ZodObject>({
  example,
  isOnlyByName,
  ...parts
}: Parts<Type, Data, Change>): EventDefinition<Type, Data, Change> {
  const { type, data, change } = parts;
  const whole = { ...exampleEnvelope, ...example, type } as Event;
  const schema = z
    .object({ ...envelope, type: z.literal(type), data: z.union([data, z.null()]), change })
    .meta({ id: nameOf(type), description: `${parts.when} ${parts.follows}` });
  return { ...parts, isInAll: isOnlyByName !== true, schema, example: whole };
}

/** `message.sent` becomes `MessageSentEvent`. */
const nameOf = (type: string) =>
  `${type
    .split(/[._]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("")}Event`;
