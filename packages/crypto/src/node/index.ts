export { type NodeAtRest, nodeAtRest } from "./at-rest.ts";
export { createNodeQueueCheck, type NodeQueueCheck } from "./queue-signatures.ts";
export { createNodeUnsealer } from "./sealing.ts";
export { createNodeTokenSigner } from "./service-tokens.ts";
