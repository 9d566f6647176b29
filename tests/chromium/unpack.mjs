// Unpacks the packaged Chromium into TMPDIR and prints where it is; with `libraries`, the libraries that it needs too.
import chromium, { inflate } from "@sparticuz/chromium";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const program = await chromium.executablePath();
if (process.argv.includes("libraries")) {
  const entry = fileURLToPath(import.meta.resolve("@sparticuz/chromium"));
  await inflate(join(dirname(entry), "..", "bin", "al2023.tar.br"));
}
console.log(program);
