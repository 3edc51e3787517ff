import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { buildKernel, compilerVersion, installedCompiler } from './build.ts'

const installed = installedCompiler()
const skip =
  installed === compilerVersion
    ? false
    : `clang ${compilerVersion} missing (${installed ?? 'none'} here): apt-get install clang lld`

t.test('building the kernel anew gives the bytes in the repository', { skip }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'kernel-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const built = join(folder, 'kernel.wasm')
  buildKernel(built)
  const kept = readFileSync(new URL('./kernel.wasm', import.meta.url))
  t.ok(readFileSync(built).equals(kept), 'if not: npm run build:kernel')
})
