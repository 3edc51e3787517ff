// Builds what `npm pack` packs, in dist/: the compiled program, and the BitTorrent libraries beside it.
// Those are copied because npm heeds `overrides` only at the root of an installation: elsewhere the
// real webrtc-polyfill would come, which downloads a native binary.

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** Libraries that lead to webrtc-polyfill, and those that must be the same instance as theirs. */
const copied = [
  'bencode',
  'bittorrent-protocol',
  'bittorrent-tracker',
  'parse-torrent',
  'streamx',
  'torrent-piece',
  'webtorrent',
]

/** Parts that only browsers, other runtimes and their authors need; megabytes. */
const needless = /^(?:webtorrent\/dist|[^/]+\/(?:test|docs|prebuilds|\.github))(?:\/|$)/

interface Manifest {
  readonly name: string
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest

/** Where `name` lies for code in `from`: the nearest node_modules above it. */
const locate = (name: string, from: string, root: string): string => {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', name)
    if (existsSync(join(place, 'package.json'))) return place
    if (folder === root) throw new Error(`${name} is not installed for ${from}; run npm ci`)
  }
}

/** The folders of `copied` and of all that they need; optional parts are native, and left out. */
const closure = (root: string): ReadonlySet<string> => {
  const found = new Set<string>()
  const visit = (name: string, from: string): void => {
    const folder = locate(name, from, root)
    if (found.has(folder)) return
    found.add(folder)
    const { dependencies = {}, optionalDependencies = {} } = readManifest(folder)
    for (const needed of Object.keys(dependencies)) {
      if (!Object.hasOwn(optionalDependencies, needed)) visit(needed, folder)
    }
  }
  for (const name of copied) visit(name, root)
  return found
}

const copyLibraries = (root: string, target: string): void => {
  const modules = join(root, 'node_modules')
  for (const folder of closure(root)) {
    cpSync(folder, join(target, 'node_modules', relative(modules, folder)), {
      recursive: true,
      dereference: true,
      // What is nested in it is a package of its own, copied if it is needed.
      filter: source => {
        const inside = relative(folder, source)
        return (
          !inside.split('/').includes('node_modules') &&
          !needless.test(relative(modules, source)) &&
          !/\.(?:map|d\.[cm]?ts)$/.test(inside)
        )
      },
    })
  }
}

/**
 * webtorrent complains at length on the terminal where the native uTP is missing, which is never used:
 * an empty module keeps it quiet.
 */
const silenceTransport = (target: string): void => {
  const folder = join(target, 'node_modules', 'utp-native')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'index.js'), 'module.exports = {}\n')
}

/** Make dist/ anew in the checkout `root`. Throws when the compiler finds a fault. */
const build = (root: string): void => {
  const target = join(root, 'dist')
  rmSync(target, { recursive: true, force: true })
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  for (const project of ['tsconfig.build.json', 'dashboard/browser/tsconfig.build.json']) {
    execFileSync(process.execPath, [compiler, '-p', join(root, project)], { stdio: 'inherit' })
  }
  const copies = ['cli/mirrorswarm.js', 'core/kernel/kernel.wasm', 'dashboard/style.css']
  for (const file of [...copies, 'dashboard/icon.svg']) {
    cpSync(join(root, file), join(target, file))
  }
  const { name, version } = readManifest(root)
  const manifest = { name, version, private: true, type: 'module' }
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  copyLibraries(root, target)
  silenceTransport(target)
}

build(dirname(dirname(import.meta.dirname)))
