import { jidNormalizedUser, type WASocket } from "@whiskeysockets/baileys";

/** Asks which numbers have an account: digits to jid, null where there is none. Rejects when nobody answers. */
export async function lookUp(sock: WASocket, digits: string[]): Promise<Map<string, string | null>> {
  const answers = await sock.onWhatsApp(...digits);
  if (!answers) throw new Error("WhatsApp did not answer");
  const jids = new Set(answers.map(({ jid }) => jidNormalizedUser(jid)));
  const found = new Map<string, string | null>();
  const unclear: string[] = [];
  for (const number of digits) {
    const jid = `${number}@s.whatsapp.net`;
    if (jids.delete(jid)) found.set(number, jid);
    else unclear.push(number);
  }
  // An account may live under another spelling of its number; the answer does not say which question it belongs to.
  for (const number of unclear) {
    if (jids.size === 0) found.set(number, null);
    else if (digits.length === 1) found.set(number, [...jids][0] ?? null);
    else for (const [one, jid] of await lookUp(sock, [number])) found.set(one, jid);
  }
  return found;
}

/** What a person is known by: the jid as it came, without device, and the phone number's when it is a LID. */
export async function namesOf(sock: WASocket, jid: string | null | undefined): Promise<string[]> {
  const name = jid ? jidNormalizedUser(jid) : "";
  if (name === "") return [];
  if (!name.endsWith("@lid")) return [name];
  const byPhone = await sock.signalRepository.lidMapping.getPNForLID(name);
  return byPhone ? [name, jidNormalizedUser(byPhone)] : [name];
}
