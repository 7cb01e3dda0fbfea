// The built page is plain files with hashed names: no inline script, no data: addresses, so that the server's
// Content-Security-Policy can refuse both.
import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  build: {
    outDir: "../static",
    emptyOutDir: true,
    assetsDir: "assets",
    assetsInlineLimit: 0,
    target: "es2022",
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  server: {
    // `npm run dev` beside `steplog ui --port 8080`: the page reloads as it is written, the data is real.
    proxy: { "/api": { target: "http://127.0.0.1:8080", ws: true } },
  },
});
