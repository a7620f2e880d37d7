/** Puts the API reference's browser build where the Worker's static assets are served from. */
import { copyFile, mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const target = new URL("../dist/assets/docs/", import.meta.url);
const source = fileURLToPath(import.meta.resolve("@scalar/api-reference")).replace(
  /\/dist\/.*$/,
  "/dist/browser/standalone.js",
);
await mkdir(target, { recursive: true });
await copyFile(source, new URL("scalar.js", target));
