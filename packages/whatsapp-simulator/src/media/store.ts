import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** What a store keeps at most. */
interface Bounds {
  bytes: number;
  files: number;
}

const usualBounds: Bounds = { bytes: 2 * 1024 ** 3, files: 2000 };

/** A part of a file, the last byte included, as in a `Range` header. */
export interface Range {
  start: number;
  end: number;
}

/** Files by name, on disk alone. The oldest are deleted when there are too many, or they are too large together. */
export class FileStore {
  readonly #folder: string;
  readonly #bounds: Bounds;
  /** The sizes, oldest file first. */
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  private constructor(folder: string, bounds: Bounds) {
    this.#folder = folder;
    this.#bounds = bounds;
  }

  /** Opens a folder with what is in it. */
  static async open(folder: string, bounds = usualBounds): Promise<FileStore> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const store = new FileStore(folder, bounds);
    const found = await Promise.all(
      (await readdir(folder)).map(async (name) => {
        const { size, mtimeMs } = await stat(join(folder, name));
        return { name, size, mtimeMs };
      }),
    );
    for (const { name, size } of found.toSorted((a, b) => a.mtimeMs - b.mtimeMs)) {
      // A draft of a process that was killed.
      if (name.endsWith(".draft")) await rm(join(folder, name), { force: true });
      else store.#add(name, size);
    }
    return store;
  }

  size(name: string): number | undefined {
    return this.#sizes.get(name);
  }

  read(name: string, range?: Range): Readable {
    return createReadStream(join(this.#folder, name), range);
  }

  /**
   * Writes a new file; its name is known when all of it is written. When `named` throws, nothing is kept. Returns what
   * `named` returned.
   */
  async write<T extends { name: string }>(content: AsyncIterable<Uint8Array>, named: () => T): Promise<T> {
    const draft = join(this.#folder, `${randomUUID()}.draft`);
    try {
      await pipeline(Readable.from(content, { objectMode: false }), createWriteStream(draft, { mode: 0o600 }));
      const result = named();
      const { size } = await stat(draft);
      await rename(draft, join(this.#folder, result.name));
      this.#add(result.name, size);
      await this.#trim();
      return result;
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  #add(name: string, size: number): void {
    this.#bytes += size - (this.#sizes.get(name) ?? 0);
    this.#sizes.delete(name);
    this.#sizes.set(name, size);
  }

  async #trim(): Promise<void> {
    for (const [name, size] of this.#sizes) {
      if (this.#bytes <= this.#bounds.bytes && this.#sizes.size <= this.#bounds.files) return;
      this.#sizes.delete(name);
      this.#bytes -= size;
      await rm(join(this.#folder, name), { force: true });
    }
  }
}

/** The folder of media: beside the state file, or a temporary one that `remove` deletes. */
export async function mediaFolder(
  stateFile: string | undefined,
): Promise<{ folder: string; remove: () => Promise<void> }> {
  if (stateFile !== undefined) return { folder: `${stateFile.replace(/\.json$/, "")}-media`, remove: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), "sandi-whatsapp-media-"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
