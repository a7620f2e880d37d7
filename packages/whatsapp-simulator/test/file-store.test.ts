import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { FileStore } from "../src/media/store.ts";

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "simulator-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function* bytes(count: number): AsyncGenerator<Buffer> {
  yield Buffer.alloc(count);
}

async function* broken(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(5);
  throw new Error("the line was cut");
}

function refuse(): never {
  throw new Error("another hash");
}

const write = (store: FileStore, name: string, count = 10) => store.write(bytes(count), () => ({ name }));

describe("file store", () => {
  it("deletes the oldest files when there are too many, or they are too large together", async () => {
    const folder = await newFolder();
    const store = await FileStore.open(folder, { bytes: 100, files: 3 });
    for (const name of ["a", "b", "c", "d"]) await write(store, name);
    expect((await readdir(folder)).toSorted()).toEqual(["b", "c", "d"]);
    await write(store, "large", 85);
    expect((await readdir(folder)).toSorted()).toEqual(["d", "large"]);
    expect(["b", "d", "large"].map((name) => store.size(name))).toEqual([undefined, 10, 85]);
  });

  it("knows after a restart which files are the oldest, and deletes drafts", async () => {
    const folder = await newFolder();
    for (const [index, name] of ["young", "old", "x.draft"].entries()) {
      await writeFile(join(folder, name), "1234567890");
      await utimes(join(folder, name), 1000 - index, 1000 - index);
    }
    const store = await FileStore.open(folder, { bytes: 100, files: 2 });
    expect(await readdir(folder)).not.toContain("x.draft");
    await write(store, "new");
    expect((await readdir(folder)).toSorted()).toEqual(["new", "young"]);
  });

  it("keeps nothing of a file whose content ends in an error, or that gets no name", async () => {
    const folder = await newFolder();
    const store = await FileStore.open(folder);
    await expect(store.write(broken(), () => ({ name: "a" }))).rejects.toThrow("the line was cut");
    await expect(store.write(bytes(5), refuse)).rejects.toThrow("another hash");
    expect(await readdir(folder)).toEqual([]);
  });
});
