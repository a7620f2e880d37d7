import { chatIdOf, personIdOf } from "@sandi/contracts";
import { hmac, phoneHash, utf8 } from "@sandi/crypto";
import { formerHashes } from "../access-rules/former-hashes.ts";
import type { Actor } from "../actor.ts";
import { hashScope } from "../auth/tenant.ts";
import { readPhone } from "../phone.ts";
import type { Services } from "../services.ts";

/** All names of a person that are known so far. */
export interface Names {
  phones: string[];
  lids: string[];
  /** Of the chats with the person, one or more in each session. */
  chatIds: string[];
  /** Hashes of numbers that are not known. */
  hashes: string[];
}

/** Reads whom a request names. Throws `invalid-request` for a number that no country has. */
export function readPerson(actor: Actor, text: string): Names {
  const none: Names = { phones: [], lids: [], chatIds: [], hashes: [] };
  if (text.startsWith("per_")) return { ...none, chatIds: [chatIdOf(text)] };
  if (text.endsWith("@lid")) return { ...none, lids: [text] };
  const international = text.startsWith("+") ? text : `+${text}`;
  return { ...none, phones: [readPhone(actor, international, "path/person").e164] };
}

/** A hash of what a request names, so that two requests at the same time are one erasure. */
export const hashOfPerson = ({ phoneKey }: Services, workspaceId: string, names: Names): Promise<string> =>
  hmac(phoneKey.current.bytes, utf8(["erasure.v1", workspaceId, JSON.stringify(names)].join("\0")));

/** The hashes by which rows name the person: of live messages and of the sandbox's, numbers and ids. */
export async function hashesOf({ phoneKey }: Services, workspaceId: string, names: Names): Promise<string[]> {
  const scopes = ([0, 1] as const).map((test) => hashScope({ workspaceId, test }));
  const ids = [...names.lids, ...names.chatIds, ...names.chatIds.map(personIdOf)];
  const ofNumber = async (scope: string, phone: string) =>
    [await phoneHash(phoneKey, scope, phone)].concat(await formerHashes(phoneKey, scope, phone));
  const all = scopes.flatMap((scope) => [
    Promise.all(names.phones.map(async (phone) => ofNumber(scope, phone))).then((each) => each.flat()),
    Promise.all(ids.map(async (id) => phoneHash(phoneKey, scope, id))),
  ]);
  return [...new Set([...names.hashes, ...(await Promise.all(all)).flat()])];
}

/** Both lists, each name once. */
export function joined(known: Names, more: Partial<Names>): Names {
  const both = (name: keyof Names) => [...new Set([...known[name], ...(more[name] ?? [])])];
  return { phones: both("phones"), lids: both("lids"), chatIds: both("chatIds"), hashes: both("hashes") };
}
