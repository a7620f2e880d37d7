import type { Fault, UsyncProtocol } from "../../faults.ts";
import { digitsOf, parseJid } from "../../wire/jid.ts";
import { type BinaryNode, bytesOf, node } from "../../wire/nodes.ts";
import type { World } from "../../world.ts";
import type { Question } from "./question.ts";

type UsyncError = Extract<Fault, { kind: "usync-error" }>;

/** The fault of a whole answer: `refused` if the IQ was refused here, or the error that its `result` carries. */
export function faultOfAnswer(
  { world, connection, refuse }: Question,
  asked: Set<string>,
): "refused" | { about: UsyncProtocol; error: BinaryNode } | undefined {
  const number = connection.phone?.number;
  const fault = world.faults.peek("usync-error", number);
  if (!fault || fault.at === undefined || fault.at === "user" || !asked.has(aboutOf(fault))) return undefined;
  world.faults.take("usync-error", number);
  if (fault.at === "result") return { about: aboutOf(fault), error: errorNode(fault) };
  refuse(fault.code, textOf(fault.code), fault.backoff);
  return "refused";
}

/** The answer about one user as it is sent: unchanged, with an error in it, or none. */
export function faultOfUser(
  { faults }: World,
  number: string | undefined,
  user: BinaryNode,
  asked: Set<string>,
): BinaryNode[] {
  const typed = digitsOf(bytesOf(user, "contact")?.toString("utf8") ?? "") ?? parseJid(user.attrs["jid"])?.user;
  const silence = faults.peek("usync-silence", number, typed);
  if (silence && asked.has(aboutOf(silence))) {
    faults.take("usync-silence", number, typed);
    return [];
  }
  const fault = faults.peek("usync-error", number, typed);
  if (!fault || (fault.at ?? "user") !== "user" || !asked.has(aboutOf(fault))) return [user];
  faults.take("usync-error", number, typed);
  return [node("user", user.attrs, [node(aboutOf(fault), {}, [errorNode(fault)])])];
}

const aboutOf = ({ about }: { about?: UsyncProtocol }): UsyncProtocol => about ?? "contact";

const textOf = (code: number) => (code === 429 ? "rate-overlimit" : "internal-server-error");

function errorNode({ code, backoff }: UsyncError): BinaryNode {
  return node("error", { code, text: textOf(code), backoff });
}
