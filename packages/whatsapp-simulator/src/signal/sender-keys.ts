import { BufferJSON, unpadRandomMax16, writeRandomPadMax16 } from "@whiskeysockets/baileys";
// Baileys has the group cipher but does not export it.
import {
  GroupCipher,
  GroupSessionBuilder,
  SenderKeyDistributionMessage,
  SenderKeyName,
  SenderKeyRecord,
} from "@whiskeysockets/baileys/lib/Signal/Group/index.js";

export interface StoredSenderKeys {
  /** JSON of each record, by `group::lid::device`. */
  records: [name: string, record: string][];
  /** The devices that have this phone's key of a group. */
  holders: [group: string, devices: string[]][];
}

/** One device as a member of a group. */
interface Member {
  group: string;
  /** `lid.device`. */
  peer: string;
}

/** The sender keys of one phone: its own in each group, and those of the other members' devices. */
export class SenderKeys {
  readonly #records: Map<string, string>;
  readonly #holders: Map<string, Set<string>>;
  readonly #storage = {
    loadSenderKey: async (name: SenderKeyName) => {
      const record = this.#records.get(name.toString());
      return record === undefined ? new SenderKeyRecord() : SenderKeyRecord.deserialize(Buffer.from(record));
    },
    storeSenderKey: async (name: SenderKeyName, record: SenderKeyRecord) => {
      this.#records.set(name.toString(), JSON.stringify(record.serialize(), BufferJSON.replacer));
    },
  };

  constructor(stored?: StoredSenderKeys) {
    this.#records = new Map(stored?.records);
    this.#holders = new Map(stored?.holders.map(([group, devices]) => [group, new Set(devices)]));
  }

  /** This phone's key of the group, to be sent to each device that does not have it. */
  async own(me: Member): Promise<{ distribution: Uint8Array; holders: Set<string> }> {
    const key = await new GroupSessionBuilder(this.#storage).create(nameOf(me));
    const holders = this.#holders.get(me.group) ?? new Set<string>();
    this.#holders.set(me.group, holders);
    return { distribution: key.serialize(), holders };
  }

  /** The next message of this phone is encrypted with a new key: a member that left cannot read on. */
  rotate(me: Member): void {
    this.#records.delete(nameOf(me).toString());
    this.#holders.delete(me.group);
  }

  async learn(author: Member, distribution: Uint8Array): Promise<void> {
    const key = new SenderKeyDistributionMessage(null, null, null, null, distribution);
    await new GroupSessionBuilder(this.#storage).process(nameOf(author), key);
  }

  async encrypt(me: Member, plain: Uint8Array): Promise<Buffer> {
    return Buffer.from(await new GroupCipher(this.#storage, nameOf(me)).encrypt(writeRandomPadMax16(plain)));
  }

  async decrypt(author: Member, ciphertext: Uint8Array): Promise<Uint8Array> {
    return unpadRandomMax16(await new GroupCipher(this.#storage, nameOf(author)).decrypt(ciphertext));
  }

  toState(): StoredSenderKeys {
    return {
      records: [...this.#records],
      holders: [...this.#holders].map(([group, devices]) => [group, [...devices]]),
    };
  }
}

function nameOf({ group, peer }: Member): SenderKeyName {
  const dot = peer.lastIndexOf(".");
  return new SenderKeyName(group, {
    id: peer.slice(0, dot),
    deviceId: Number(peer.slice(dot + 1)),
    toString: () => peer,
  });
}
