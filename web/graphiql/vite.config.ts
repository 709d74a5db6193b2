import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import { defineConfig, type Plugin } from "vite";

const BEST = 9;
/** Smaller files are not worth the decompression. */
const PACKED_BYTES_MIN = 1_000;

/** Puts a packed copy beside each file, so that the server packs nothing itself. */
function packed(): Plugin {
  let folder = "";
  return {
    name: "packed",
    configResolved: ({ build }) => {
      folder = build.outDir;
    },
    closeBundle: async () => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      await Promise.all(files.map((file) => pack(join(file.parentPath, file.name))));
    },
  };
}

async function pack(file: string): Promise<void> {
  const content = await readFile(file);
  if (content.length >= PACKED_BYTES_MIN) {
    await writeFile(`${file}.gz`, await promisify(gzip)(content, { level: BEST }));
  }
}

export default defineConfig({
  base: "/graphiql/",
  build: {
    assetsInlineLimit: 0, // All from files: the page's policy has no exception for scripts.
    chunkSizeWarningLimit: 4_000, // The editor is large, and it is fetched once.
    license: { fileName: "licences.md" },
    reportCompressedSize: false,
    // "use client" is for servers that render; there is none.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  plugins: [packed()],
});
