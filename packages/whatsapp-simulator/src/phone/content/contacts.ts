import { z } from "zod";
import type { Kind } from "./kind.ts";
import { readCard, writeCard } from "./vcard.ts";

const line = z.string().min(1).max(500);
const contact = z.strictObject({
  name: line,
  phones: z.array(z.strictObject({ number: line, label: line.optional() })).max(20),
  organization: line.optional(),
  email: line.optional(),
});
const fields = z.object({ contacts: z.array(contact).min(1).max(100) });

export const contacts: Kind<typeof fields> = {
  fields,
  read({ contactMessage, contactsArrayMessage }) {
    const cards = contactMessage ? [contactMessage] : contactsArrayMessage?.contacts;
    if (!cards) return undefined;
    const people = cards.map(({ vcard, displayName }) => readCard(vcard ?? "", displayName ?? ""));
    return { text: people.map(({ name }) => name).join(", "), contacts: people };
  },
  write({ contacts: people }) {
    const cards = people.map((person) => ({ displayName: person.name, vcard: writeCard(person) }));
    if (cards.length === 1) return { contactMessage: cards[0] ?? null };
    return { contactsArrayMessage: { displayName: `${cards.length} contacts`, contacts: cards } };
  },
};
