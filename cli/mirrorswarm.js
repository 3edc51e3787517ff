#!/usr/bin/env node
// The program that npm installs. mirrorswarm needs Node 24; started by an older one, it starts
// itself again with the Node of the npm package "node". Plain JavaScript that old Nodes understand.

import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const neededMajor = 24
const self = fileURLToPath(import.meta.url)

const majorOf = version => Number.parseInt(version, 10)

/** The binary in the nearest node_modules above this file (its own, or where npm hoisted it). */
const newerNode = () => {
  for (let folder = dirname(self); ; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', 'node')
    try {
      const binary = join(place, 'bin', 'node')
      accessSync(binary, constants.X_OK)
      const { version } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'))
      if (majorOf(version) >= neededMajor) return binary
    } catch {
      // Not here: look one folder up.
    }
    if (dirname(folder) === folder) return null
  }
}

const startAgain = binary => {
  const child = spawn(binary, [self, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  // A terminal sends its signals to both processes; other senders know only this one.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(name, () => child.kill(name))
  }
  child.on('error', error => {
    console.error(`mirrorswarm: cannot start ${binary}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

/**
 * In a checkout every thread would load the compiler that strips types, tens of megabytes each; the
 * cache spares that. It lies within the installation, where nobody else can write.
 */
const shareCompiledCode = async () => {
  const { constants: outcomes, enableCompileCache } = await import('node:module')
  const folder = join(dirname(dirname(self)), 'node_modules', '.cache', 'mirrorswarm')
  const { status } = enableCompileCache(folder)
  // Threads and processes that this one starts look there.
  if (status === outcomes.compileCacheStatus.ENABLED) process.env.NODE_COMPILE_CACHE ??= folder
}

if (majorOf(process.versions.node) >= neededMajor) {
  // In a checkout the sources lie beside this file; in the package what was made of them, in dist/.
  const places = ['process.ts', 'process.js', '../dist/cli/process.js']
  const found = places.map(place => new URL(place, import.meta.url)).find(url => existsSync(url))
  if (found?.pathname.endsWith('.ts')) await shareCompiledCode()
  const { runProcess } = await import((found ?? new URL(places[0], import.meta.url)).href)
  await runProcess()
} else {
  const binary = newerNode()
  if (binary === null) {
    console.error(
      `mirrorswarm: needs Node ${neededMajor} or newer, this is ${process.version} (install it, or run "npm ci" in the checkout, which brings one)`,
    )
    process.exit(1)
  }
  startAgain(binary)
}
