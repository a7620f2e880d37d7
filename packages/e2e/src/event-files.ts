import { type EventDefinition, eventRegistry, typesOnlyByName } from "@sandi/contracts";

/** A file that is made from the registry of events: its path in the repository, and its text. */
export interface EventFile {
  path: string;
  text: string;
}

const definitions: readonly EventDefinition[] = [...eventRegistry.values()];
const familyOf = ({ type }: EventDefinition) => type.slice(0, type.indexOf("."));
const idOf = ({ data }: EventDefinition) => data.meta()?.id ?? "";

/** What the resources of events are, by the schema's name. */
const resources: Record<string, string> = {
  EventMessage: "the message",
  EventVerification: "the verification",
  EventSession: "the session",
  EventChat: "the chat",
  Batch: "the batch",
};

/** One JSON file for each type of event, and the page of the documentation. */
export const eventFiles = (): EventFile[] => [
  ...definitions.map(({ type, example }) => ({
    path: `packages/contracts/fixtures/events/${type}.json`,
    text: `${JSON.stringify(example, null, 2)}\n`,
  })),
  { path: "docs/events.md", text: page() },
];

const page = () => `${[introduction, ...[...Map.groupBy(definitions, familyOf)].map(familyText)].join("\n\n")}\n`;

const introduction = `# Events

An event says what happened to a message, a verification, a session, a chat or a batch. [\`GET /v1/events\`](event-stream.md) lists events and streams them. Webhooks get them as signed requests. This page is made from the registry in [\`packages/contracts/src/events\`](../packages/contracts/src/events): \`npx pnpm@10.34.9 write-events\` writes it.

## What every event has

${table(
  ["field", "what it is"],
  [
    ["`id`", "The same id is the same fact, however often it arrives. Webhooks carry it as `webhook-id`."],
    ["`type`", "What happened. Ignore types that you do not know: new ones come."],
    [
      "`sequence`",
      "Rises with each event, in the order in which they were stored. Sort the events of a session by it.",
    ],
    ["`at`", "When it happened."],
    [
      "`sessionId`, `chatId`, `messageId`, `verificationId`",
      "What it is about. `messageId` and `verificationId` together: the message has the code of the verification.",
    ],
    ["`isOffline`", "The message waited at WhatsApp while the session was offline."],
    ["`isTest`", "It is of the sandbox. Test keys get only these, live keys only the others."],
    ["`data`", "The resource as of the event. Null: it is not stored any more."],
    ["`change`", "What the event adds to `data`."],
  ],
)}

\`data\` is composed when the event is shown: a \`message.sent\` that you read a day later still has the status \`sent\` and no \`deliveredAt\`. Fields that no event names, such as \`metadata\`, are as they are now. Links to files are signed for 24 hours each time.

## Who sees what

${table(
  ["scope", "what readers without it do not see"],
  [
    ["`event:read`", "`GET /v1/events`."],
    ["`message:read`", "What people write and do: contents, emoji, votes, words. Numbers are masked."],
    [
      "`lookup:read`",
      "Whether a number has an account: a message to a number without one looks like one to a phone that is off.",
    ],
  ],
)}

A webhook sees what the key that made it sees. Codes, texts with codes, tokens and secrets are in no event.

## Which events you get

A pattern is \`*\` (all events), a family such as \`message.*\`, or a type such as \`message.sent\`.${
  typesOnlyByName.length === 0 ? "" : ` \`*\` leaves out ${typesOnlyByName.map((type) => `\`${type}\``).join(", ")}.`
} [\`packages/contracts/fixtures/events\`](../packages/contracts/fixtures/events) has an example of each type, and [\`packages/contracts/fixtures/webhook-signatures.json\`](../packages/contracts/fixtures/webhook-signatures.json) has signatures to test your code with.`;

function familyText([family, all]: [string, EventDefinition[]]): string {
  const [first] = all;
  const rows = all.map(({ type, when, follows, change }) => [
    `\`${type}\``,
    when,
    follows,
    Object.keys(change.shape)
      .map((field) => `\`${field}\``)
      .join(", "),
  ]);
  const id = first ? idOf(first) : "";
  return `## ${family}\n\n\`data\` is ${resources[id]} (\`${id}\` in the API reference).\n\n${table(["type", "when", "what follows", "`change`"], rows)}`;
}

/** A table as the formatter writes it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (cells[i] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
