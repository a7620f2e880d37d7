import { type LTHashState, proto, type WAPatchName } from "@whiskeysockets/baileys";
import { base64, bytes } from "../signal/keys.ts";

export type CollectionName = WAPatchName;

/** The key with which the companions of a phone encrypt its app state; the server cannot read it. */
export interface SyncKey {
  id: Buffer;
  data: Buffer;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

export interface StoredAppState {
  key: { id: string; data: string; createdAt: number } | null;
  collections: [name: string, patches: string[]][];
}

/** What an account's devices share (archived chats, starred messages and others), as collections of patches. */
export class AppState {
  /** How far the phone has read each collection. It is not stored: the phone reads the same again. */
  readonly reading = new Map<string, LTHashState>();
  readonly #collections: Map<string, Buffer[]>;
  #key: SyncKey | undefined;

  constructor(stored?: StoredAppState) {
    const { key } = stored ?? {};
    this.#key = key ? { id: bytes(key.id), data: bytes(key.data), createdAt: key.createdAt } : undefined;
    this.#collections = new Map(stored?.collections.map(([name, patches]) => [name, patches.map(bytes)]));
  }

  /** One key for all companions, so that each can read what another wrote. */
  key({ random, now }: { random: (bytes: number) => Buffer; now: () => number }): SyncKey {
    return (this.#key ??= { id: random(6), data: random(32), createdAt: now() });
  }

  get syncKey(): SyncKey | undefined {
    return this.#key;
  }

  /** The collections that have patches. */
  names(): CollectionName[] {
    return [...this.#collections.keys()] as CollectionName[];
  }

  /** The number of patches that the collection has taken. */
  version(name: string): number {
    return this.#collections.get(name)?.length ?? 0;
  }

  /** The patches after this version, each with its own version inside. */
  patchesAfter(name: string, version: number): Buffer[] {
    return this.#collections.get(name)?.slice(version) ?? [];
  }

  /** Adds a patch that was made on this version; false if another device was faster. */
  add(name: string, version: number, patch: Buffer): boolean {
    if (version !== this.version(name)) return false;
    const content = proto.SyncdPatch.decode(patch);
    content.version = { version: version + 1 };
    const stored = Buffer.from(proto.SyncdPatch.encode(content).finish());
    this.#collections.set(name, [...this.patchesAfter(name, 0), stored]);
    return true;
  }

  toState(): StoredAppState {
    const key = this.#key;
    return {
      key: key ? { id: base64(key.id), data: base64(key.data), createdAt: key.createdAt } : null,
      collections: [...this.#collections].map(([name, patches]) => [name, patches.map(base64)]),
    };
  }
}
