import {
  AppError,
  type Content,
  contentWith,
  type CreateBatch,
  type CreateMessage,
  type FieldError,
} from "@sandi/contracts";
import type { Actor } from "../actor.ts";
import { fieldErrors, pointerTo } from "../http/validation.ts";
import { readChat, type Recipient as To, toOf } from "../messages/recipient.ts";
import { render, type Variables } from "./variables.ts";

/** One recipient of a request. */
export interface Recipient {
  /** Its place in the request. */
  pointer: string;
  /** Whom it goes to. */
  to: To;
  metadata: Record<string, unknown> | undefined;
  /** Of the batch's message; or the content itself. */
  variables: Variables;
  content: Content | undefined;
}

interface Read {
  recipients: Recipient[];
  /** How many recipients occurred again and were left out. */
  duplicates: number;
  /** What is wrong with the others, each with the field's place. */
  errors: FieldError[];
}

const rendered = contentWith({});
const anyMedia = { mediaId: `med_${"0".repeat(26)}` };

/** What a message of a batch cannot have, each with the reason. */
function notInBatch(
  content: Content & Pick<CreateMessage, "quotedMessageId">,
  { pointer, isShared }: { pointer: string; isShared: boolean },
): FieldError[] {
  const errors: FieldError[] = [];
  if (content.quotedMessageId !== undefined) {
    errors.push({
      pointer: `${pointer}/quotedMessageId`,
      message: "is not possible in a batch: a reply has one recipient",
    });
  }
  if ("media" in content && !isShared && !("mediaId" in content.media)) {
    const message = "must be an upload's mediaId: a batch fetches the file of its `message` only";
    errors.push({ pointer: `${pointer}/media`, message });
  }
  if ("media" in content && "url" in content.media && render(content.media.url, {}).unknown.length > 0) {
    errors.push({ pointer: `${pointer}/media/url`, message: "takes no variables: the file is the same for all" });
  }
  for (const field of ["background", "font"]) {
    if (field in content) errors.push({ pointer: `${pointer}/${field}`, message: "is for a story only" });
  }
  if (content.type === "text" && typeof content.linkPreview === "object" && content.linkPreview.image) {
    errors.push({ pointer: `${pointer}/linkPreview/image`, message: "is not possible in a batch" });
  }
  if (content.type === "text" && content.linkPreview === true) {
    errors.push({ pointer: `${pointer}/linkPreview`, message: "must have the words: a batch reads no page" });
  }
  return errors;
}

/** Reads every recipient, and every message as its recipient gets it. */
export function readBatch(actor: Actor, { message, recipients = [], messages = [], dedupe }: CreateBatch): Read {
  const errors: FieldError[] = message ? notInBatch(message, { pointer: "/message", isShared: true }) : [];
  const given = [
    ...recipients.map(({ to, variables = {}, metadata }, i) => ({
      pointer: `/recipients/${i}`,
      to,
      variables,
      metadata,
      content: undefined,
    })),
    ...messages.map(({ to, metadata, ...content }, i) => ({
      pointer: `/messages/${i}`,
      to,
      variables: {},
      metadata,
      content,
    })),
  ];
  const first = new Map<string, string>();
  let duplicates = 0;
  const found = given.flatMap(({ to, ...one }): Recipient[] => {
    const before = errors.length;
    if (one.content) errors.push(...notInBatch(one.content, { pointer: one.pointer, isShared: false }));
    if (message) errors.push(...errorsOf(message, one));
    const read = recipientOf(actor, to, { pointer: `${one.pointer}/to`, errors });
    if (!read) return [];
    const earlier = first.get(toOf(read));
    if (earlier === undefined) first.set(toOf(read), one.pointer);
    else if (dedupe) duplicates++;
    else errors.push({ pointer: `${one.pointer}/to`, message: `is the number of ${earlier} again` });
    return earlier === undefined && errors.length === before ? [{ ...one, to: read }] : [];
  });
  return { recipients: found, duplicates, errors };
}

/** What is wrong with the message that the recipient would get. */
function errorsOf(message: Content, { pointer, variables }: Pick<Recipient, "pointer" | "variables">): FieldError[] {
  // A file is the same for all, and may be long.
  const { content, unknown } = render("media" in message ? { ...message, media: anyMedia } : message, variables);
  if (unknown.length > 0) {
    return unknown.map((name) => ({
      pointer: pointerTo(`${pointer}/variables`, [name]),
      message: `is required: the message has {{${name}}}`,
    }));
  }
  const result = rendered.safeParse(content);
  if (result.success) return [];
  const wrong = fieldErrors(result.error.issues, "/message");
  return wrong.map((error) => ({ pointer, message: `makes a message whose ${error.pointer} ${error.message}` }));
}

function recipientOf(actor: Actor, to: string, { pointer, errors }: { pointer: string; errors: FieldError[] }) {
  try {
    return readChat(actor, to, pointer);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    errors.push(...(error.extras.errors ?? []));
    return undefined;
  }
}
