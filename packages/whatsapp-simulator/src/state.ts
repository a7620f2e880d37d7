import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { KeyPair } from "@whiskeysockets/baileys";
import type { Timers } from "./clock.ts";
import { Group, type StoredGroup } from "./groups/group.ts";
import type { StoredMedia } from "./media/server.ts";
import { Phone, type StoredPhone } from "./phone/phone.ts";
import { loadPair, storePair, type StoredPair } from "./signal/keys.ts";
import type { World } from "./world.ts";

const format = 1;

/** The content of the file: the root key, every phone with its sessions, chats and queues, and the groups. */
export interface LoadedState {
  root: KeyPair;
  media: StoredMedia | undefined;
  phones: Phone[];
  groups: Group[];
}

export async function loadState(file: string): Promise<LoadedState | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`cannot read ${file}`, { cause: error });
  }
  const state = parse(file, text);
  if (state.format !== format) throw new Error(`${file} has format ${state.format}; this simulator writes ${format}`);
  return {
    root: loadPair(state.root),
    media: state.media,
    phones: state.phones.map((stored) => Phone.load(stored)),
    groups: (state.groups ?? []).map((stored) => new Group(stored)),
  };
}

interface StoredState {
  format: number;
  root: StoredPair;
  phones: StoredPhone[];
  /** Absent in states of earlier versions. */
  groups?: StoredGroup[];
  media?: StoredMedia;
}

function parse(file: string, text: string): StoredState {
  try {
    return JSON.parse(text) as StoredState;
  } catch (error) {
    throw new Error(`${file} is damaged: remove it to start with new phones`, { cause: error });
  }
}

/** Writes the state when it changed. Only a phone that changed is serialised again. */
export class StateFile {
  readonly #file: string;
  /** What never changes. */
  readonly #fixed: string;
  readonly #phones: Iterable<Phone>;
  readonly #groups: Iterable<Group>;
  readonly #timers: Timers;
  readonly #saveDelayMs: number;
  readonly #serialised = new Map<Phone, string>();
  #writing: Promise<void> = Promise.resolve();
  #closed = false;
  #exists = false;
  #groupsWritten = "";
  #prepared: Promise<void> | undefined;

  constructor(
    file: string,
    { root, media }: { root: KeyPair; media: StoredMedia },
    { phones, groups, timers }: Pick<World, "phones" | "groups" | "timers">,
    saveDelayMs: number,
  ) {
    this.#file = file;
    this.#fixed = `"format":${format},"root":${JSON.stringify(storePair(root))},"media":${JSON.stringify(media)}`;
    this.#phones = phones;
    this.#groups = groups;
    this.#timers = timers;
    this.#saveDelayMs = saveDelayMs;
    this.#plan(saveDelayMs);
  }

  /** Waits for phones that are encrypting or decrypting: a ratchet is written only between two messages. */
  async flush(): Promise<void> {
    for (const phone of this.#phones) await phone.idle();
    if (!this.#serialise() && this.#exists) return this.#writing;
    this.#exists = true;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  #plan(afterMs: number): void {
    if (this.#closed) return;
    this.#timers.after(afterMs, () => {
      const start = performance.now();
      this.flush()
        // A large state is written less often: writing takes at most a fiftieth of the time.
        .then(() => this.#plan(Math.max(this.#saveDelayMs, (performance.now() - start) * 50)))
        .catch((error: unknown) => {
          process.stderr.write(`whatsapp: cannot write ${this.#file}: ${String(error)}\n`);
          this.#plan(this.#saveDelayMs * 10);
        });
    });
  }

  #serialise(): boolean {
    let changed = false;
    for (const phone of this.#phones) {
      if (!phone.dirty && this.#serialised.has(phone)) continue;
      phone.dirty = false;
      this.#serialised.set(phone, JSON.stringify(phone.toState()));
      changed = true;
    }
    const groups = JSON.stringify([...this.#groups].map((group) => group.toState()));
    if (groups !== this.#groupsWritten) changed = true;
    this.#groupsWritten = groups;
    return changed;
  }

  async #write(): Promise<void> {
    const phones = [...this.#serialised.values()].join(",\n");
    const text = `{${this.#fixed},"groups":${this.#groupsWritten},"phones":[${phones}]}\n`;
    const draft = `${this.#file}.${process.pid}.tmp`;
    try {
      await (this.#prepared ??= prepare(draft));
      await writeFile(draft, text, { mode: 0o600, flag: "wx" });
      await rename(draft, this.#file);
    } catch (error) {
      this.#prepared = undefined;
      await rm(draft, { force: true });
      throw error;
    }
  }
}

/** Makes the folder, and deletes an old draft, which would keep its own mode. */
async function prepare(draft: string): Promise<void> {
  await mkdir(dirname(draft), { recursive: true });
  await rm(draft, { force: true });
}
