import type { Phone } from "../../phone/phone.ts";
import type { BinaryNode } from "../../wire/nodes.ts";
import type { Client, World } from "../../world.ts";

/** One IQ of a client, and how to answer it. */
export interface Question {
  world: World;
  connection: Client;
  iq: BinaryNode;
  reply: (content?: BinaryNode[]) => void;
  refuse: (code: number, text: string, backoff?: number) => void;
}

/** The `w:mex` queries of a room: the data of each answer, by the id of the query. */
export type MexQueries = Record<string, (world: World, phone: Phone) => object>;
