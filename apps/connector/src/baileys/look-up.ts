import { spellingsOf } from "@sandi/contracts";
import { jidNormalizedUser, type WASocket } from "@whiskeysockets/baileys";

/**
 * Asks which numbers have an account: every spelling of each, to the jid that WhatsApp knows it by, null where there is
 * none. Rejects when nobody answers.
 */
export async function lookUp(sock: WASocket, digits: string[]): Promise<Map<string, string | null>> {
  const answers = await sock.onWhatsApp(...new Set(digits.flatMap(spellingsOf)));
  if (!answers) throw new Error("WhatsApp did not answer");
  const jids = new Set(answers.map(({ jid }) => jidNormalizedUser(jid)));
  const unclaimed = new Set(jids);
  const found = new Map<string, string | null>();
  const unclear: string[] = [];
  for (const number of digits) {
    const names = spellingsOf(number).map((one) => `${one}@s.whatsapp.net`);
    const jid = names.find((name) => jids.has(name));
    if (jid === undefined) unclear.push(number);
    else {
      // Each of two accounts that differ in the spelling only is itself.
      const named = (one: string) => (jids.has(`${one}@s.whatsapp.net`) ? `${one}@s.whatsapp.net` : jid);
      for (const one of spellingsOf(number)) found.set(one, named(one));
      for (const name of names) unclaimed.delete(name);
    }
  }
  // An account may live under a spelling that we do not know; the answer does not say which question it belongs to.
  for (const number of unclear) {
    if (unclaimed.size === 0) tell(found, number, null);
    else if (digits.length === 1) tell(found, number, [...unclaimed][0] ?? null);
    else for (const [one, jid] of await lookUp(sock, [number])) if (!found.has(one)) found.set(one, jid);
  }
  return found;
}

/** Answers for the number, and for its other spellings unless they have an answer of their own. */
function tell(found: Map<string, string | null>, number: string, jid: string | null): void {
  found.set(number, jid);
  for (const other of spellingsOf(number)) if (!found.has(other)) found.set(other, jid);
}
