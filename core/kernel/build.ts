// Builds kernel.wasm from kernel.c: `npm run build:kernel`. Needs clang and wasm-ld of one version, so
// that everyone gets the same bytes; the binary is part of the repository.

import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What made the binary in the repository: Debian 12's clang and lld. */
export const compilerVersion = 14

const source = fileURLToPath(new URL('./kernel.c', import.meta.url))
const binary = fileURLToPath(new URL('./kernel.wasm', import.meta.url))

const flags = [
  ...['--target=wasm32', '-O3', '-msimd128', '-mbulk-memory', '-nostdlib', '-ffreestanding'],
  ...['-Wall', '-Wextra', '-Werror'],
  ...['--no-entry', '--strip-all', '-z', 'stack-size=4096', '--export=__heap_base'].flatMap(
    flag => ['-Xlinker', flag],
  ),
]

/** The major version of the clang that is installed, or null. */
export const installedCompiler = (): number | null => {
  try {
    const text = execFileSync('clang', ['--version'], { encoding: 'utf8' })
    execFileSync('wasm-ld', ['--version'], { stdio: 'ignore' })
    return Number(/version (\d+)/.exec(text)?.[1])
  } catch {
    return null
  }
}

/** Compile the kernel to `output`. Throws with the compiler's messages on standard error. */
export const buildKernel = (output: string): void => {
  execFileSync('clang', [...flags, '-o', output, source], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  chmodSync(output, 0o644)
}

if (import.meta.main) {
  if (installedCompiler() !== compilerVersion) {
    console.error(`build:kernel needs clang ${compilerVersion} and its wasm-ld (Debian: clang lld)`)
    process.exitCode = 1
  } else buildKernel(binary)
}
