import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { Curve, hkdf, type KeyPair, NOISE_MODE, NOISE_WA_HEADER } from "@whiskeysockets/baileys";

const tagLength = 16;

/** The server's half of Noise XX: mixes keys until both sides hold the transport keys. */
export class NoiseHandshake {
  #hash: Buffer = Buffer.from(NOISE_MODE);
  #salt: Buffer = this.#hash;
  #key: Uint8Array = this.#hash;
  #counter = 0;

  constructor() {
    this.authenticate(NOISE_WA_HEADER);
  }

  authenticate(data: Uint8Array): void {
    this.#hash = createHash("sha256").update(this.#hash).update(data).digest();
  }

  mixDh(own: KeyPair, theirs: Uint8Array): void {
    const [salt, key] = split(hkdf(Curve.sharedKey(own.private, theirs), 64, { salt: this.#salt, info: "" }));
    this.#salt = salt;
    this.#key = key;
    this.#counter = 0;
  }

  encrypt(plain: Uint8Array): Buffer {
    const sealed = seal(plain, this.#key, iv(this.#counter++), this.#hash);
    this.authenticate(sealed);
    return sealed;
  }

  decrypt(sealed: Uint8Array): Buffer {
    const plain = open(sealed, this.#key, iv(this.#counter++), this.#hash);
    this.authenticate(sealed);
    return plain;
  }

  finish(): NoiseTransport {
    const [clientToServer, serverToClient] = split(hkdf(new Uint8Array(0), 64, { salt: this.#salt, info: "" }));
    return new NoiseTransport(clientToServer, serverToClient);
  }
}

const none = Buffer.alloc(0);

/** Seals and opens frames; each direction counts its own. */
export class NoiseTransport {
  readonly #readKey: Uint8Array;
  readonly #writeKey: Uint8Array;
  #read = 0;
  #written = 0;

  constructor(readKey: Uint8Array, writeKey: Uint8Array) {
    this.#readKey = readKey;
    this.#writeKey = writeKey;
  }

  encrypt(plain: Uint8Array): Buffer {
    return seal(plain, this.#writeKey, iv(this.#written++), none);
  }

  decrypt(sealed: Uint8Array): Buffer {
    return open(sealed, this.#readKey, iv(this.#read++), none);
  }
}

function split(bytes: Uint8Array): [Buffer, Buffer] {
  const buffer = Buffer.from(bytes);
  return [buffer.subarray(0, 32), buffer.subarray(32)];
}

function iv(counter: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(counter, 8);
  return bytes;
}

function seal(plain: Uint8Array, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(aad);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function open(sealed: Uint8Array, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: tagLength });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength));
  return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - tagLength)), decipher.final()]);
}
