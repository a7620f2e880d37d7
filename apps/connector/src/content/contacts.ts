import type { SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";
import { readVcard, writeVcard } from "./vcard.ts";

export const contacts: Kind<Extract<SealedContent, { type: "contacts" }>> = {
  toProto({ contacts: people }) {
    const cards = people.map((person) => ({ displayName: person.name, vcard: writeVcard(person) }));
    const [only] = cards;
    if (cards.length === 1) return { contactMessage: only! };
    return { contactsArrayMessage: { displayName: `${cards.length} contacts`, contacts: cards } };
  },
  fromProto({ contactMessage, contactsArrayMessage }) {
    const cards = contactMessage ? [contactMessage] : (contactsArrayMessage?.contacts ?? []);
    const people = cards.flatMap(({ vcard, displayName }) => {
      const person = readVcard(vcard ?? "");
      return person ? [displayName ? { ...person, name: displayName } : person] : [];
    });
    return people.length > 0 ? { type: "contacts", contacts: people } : null;
  },
};
