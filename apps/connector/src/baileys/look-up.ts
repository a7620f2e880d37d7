import { spellingsOf } from "@sandi/contracts";
import {
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  getBinaryNodeChildString,
  isLidUser,
  isPnUser,
  jidDecode,
  jidNormalizedUser,
  S_WHATSAPP_NET,
  type WASocket,
} from "@whiskeysockets/baileys";
import { isServerError, waitOf } from "./no-answer.ts";

/** WhatsApp's answer about numbers. A number that is in neither map is missing in the answer. */
export interface LookUpAnswer {
  /** The jid of each number's account; null when WhatsApp says that there is no account. */
  jids: Map<string, string | null>;
  /** How long to wait before a number is looked up again. Milliseconds. */
  waits: Map<string, number>;
  /** How long to wait before any look-up; null when WhatsApp answered. Milliseconds. */
  pauseMs: number | null;
}

/** The answer about one spelling: a jid, null for "no account", or how long to wait. */
type Said = string | null | { waitMs: number };

/**
 * Asks which numbers have an account, under every spelling. Rejects when no answer comes. Baileys' own `onWhatsApp` does
 * not distinguish numbers without account, numbers that are missing in the answer, and errors.
 */
export async function lookUp(sock: WASocket, digits: string[]): Promise<LookUpAnswer> {
  const answer: LookUpAnswer = { jids: new Map(), waits: new Map(), pauseMs: null };
  const node = await ask(sock, [...new Set(digits.flatMap(spellingsOf))]);
  const usync = getBinaryNodeChild(node, "usync");
  const refusal = errorIn(node) ?? errorIn(getBinaryNodeChild(getBinaryNodeChild(usync, "result"), "contact"));
  if (refusal && isServerError(Number(refusal.attrs["code"]))) answer.pauseMs = waitOf(refusal);
  // Another error may be caused by one of the numbers. It must not delay look-ups of other numbers.
  else if (refusal) for (const number of digits) answer.waits.set(number, waitOf(refusal));
  const said = saidIn(getBinaryNodeChild(usync, "list"));
  for (const number of digits) conclude(answer, number, said);
  return answer;
}

function conclude({ jids, waits }: LookUpAnswer, number: string, said: Map<string, Said>): void {
  const names = spellingsOf(number);
  const answers = names.map((name) => said.get(name));
  const jid = answers.find((one) => typeof one === "string");
  if (jid !== undefined) {
    // Two accounts may differ only in the spelling of their number. Each keeps its own jid.
    for (const [i, name] of names.entries()) jids.set(name, typeof answers[i] === "string" ? answers[i] : jid);
  } else if (answers.every((one) => one === null)) {
    for (const name of names) if (!jids.has(name)) jids.set(name, null);
  } else {
    const asked = answers.flatMap((one) => (one ? [(one as { waitMs: number }).waitMs] : []));
    if (asked.length > 0) waits.set(number, Math.max(...asked));
  }
}

/** The answer for each spelling. */
function saidIn(list: BinaryNode | undefined): Map<string, Said> {
  const said = new Map<string, Said>();
  for (const user of getBinaryNodeChildren(list, "user")) {
    const { jid } = user.attrs;
    const contact = getBinaryNodeChild(user, "contact");
    const number = getBinaryNodeChildString(user, "contact")?.replace("+", "") || jidDecode(jid)?.user;
    if (!contact || !number) continue;
    const error = errorIn(contact);
    if (error) said.set(number, { waitMs: waitOf(error) });
    else if (contact.attrs["type"] === "in" && isPerson(jid)) said.set(number, jidNormalizedUser(jid));
    else if (contact.attrs["type"] === "out") said.set(number, null);
  }
  return said;
}

/** Any other jid is no answer: messages would go to it for two weeks. */
function isPerson(jid: string | undefined): boolean {
  const plain = jidNormalizedUser(jid);
  return (isPnUser(plain) === true || isLidUser(plain) === true) && jidDecode(plain)?.user !== "";
}

const errorIn = (node: BinaryNode | undefined) => getBinaryNodeChild(node, "error");

async function ask(sock: WASocket, numbers: string[]): Promise<BinaryNode> {
  const id = sock.generateMessageTag();
  const users = numbers.map((number) => ({
    tag: "user",
    attrs: {},
    content: [{ tag: "contact", attrs: {}, content: `+${number}` }],
  }));
  const attrs = { context: "interactive", mode: "query", sid: sock.generateMessageTag(), last: "true", index: "0" };
  const content = [
    { tag: "query", attrs: {}, content: [{ tag: "contact", attrs: {} }] },
    { tag: "list", attrs: {}, content: users },
  ];
  const iq = { to: S_WHATSAPP_NET, type: "get", xmlns: "usync", id };
  // Baileys' own `query` drops an error's code and its wait.
  const [answer] = await Promise.all([
    sock.waitForMessage<BinaryNode | undefined>(id),
    sock.sendNode({ tag: "iq", attrs: iq, content: [{ tag: "usync", attrs, content }] }),
  ]);
  if (!answer) throw new Error("WhatsApp did not answer");
  return answer;
}
