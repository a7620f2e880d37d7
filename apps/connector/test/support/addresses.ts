import { createKeyRing, generateKeyText, webRandom } from "@sandi/crypto";
import { type Addresses, createAddresses } from "../../src/fleet/addresses.ts";
import { shareKeys } from "../../src/fleet/shared-keys.ts";
import { nodeAtRest } from "@sandi/crypto/node";

/** The addresses of connectors with these keys, as they write them down. */
export function addressesOf(storeKeys: string, now: () => Date = () => new Date()): Addresses {
  return createAddresses(nodeAtRest(createKeyRing(storeKeys), "connector", webRandom), now);
}

/** Those of connectors that have keys of their own. */
export const someAddresses = (now: () => Date) => addressesOf(generateKeyText("k1", webRandom), now);

export const someKeys = () => shareKeys(createKeyRing(generateKeyText("k1", webRandom)));
