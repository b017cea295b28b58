import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import vue from '@vitejs/plugin-vue'
import { defineConfig, type Plugin } from 'vite'
import vuetify from 'vite-plugin-vuetify'

const OUT = '../static'
const SMALL = 2048

/** Compressed once, here: the server sends the file beside to browsers that take it. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    closeBundle() {
      const folder = join(import.meta.dirname, OUT, 'assets')
      for (const name of readdirSync(folder)) {
        const data = readFileSync(join(folder, name))
        if (/\.(js|css)$/.test(name) && data.length > SMALL) writeFileSync(join(folder, `${name}.br`), brotliCompressSync(data))
      }
    },
  }
}

// Built into web/static, which the server serves at the root for every path that is no file.
export default defineConfig({
  plugins: [vue(), vuetify({ autoImport: true }), compressed()],
  base: '/',
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 1200,
    modulePreload: { polyfill: false },
    license: { fileName: 'THIRD_PARTY_LICENSES.md' },
  },
  server: {
    proxy: {
      '/api': 'http://127.0.0.1:8080',
      '/live': { target: 'ws://127.0.0.1:8080', ws: true },
    },
  },
})
