import type { BinaryNode } from "../../wire/nodes.ts";
import type { Client, World } from "../../world.ts";

/** One question of a client: who asks, and what. */
export interface Question {
  world: World;
  connection: Client;
  iq: BinaryNode;
  reply: (content?: BinaryNode[]) => void;
  refuse: (code: number, text: string, backoff?: number) => void;
}
