import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { eventFiles } from "./event-files.ts";
import { root } from "./pages.ts";

// Writes the files that are made from the registry of events. A test compares them.
for (const { path, text } of eventFiles()) {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}
