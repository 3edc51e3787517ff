// What somebody does who never saw the project: takes lines out of a document and pastes them into a
// shell. Only `npm install` is stood in for: it takes longer than all tests here, and asks the registry.

import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ProcessGroup } from '../loadtest/process-group.ts'
import { run } from '../loadtest/programs.ts'

const root = dirname(import.meta.dirname)

/** The blocks of shell of one section (`## TITLE`), each with its lines without comments. */
export const shellBlocks = (document: string, title: string): string[][] => {
  const section = document.split(/^## /m).find(part => part.startsWith(`${title}\n`)) ?? ''
  return Array.from(section.matchAll(/^```sh\n([\s\S]*?)^```/gm), ([, text = '']) =>
    text
      .replace(/\\\n\s*/g, '')
      .split('\n')
      .map(line => line.replace(/\s+#.*$/, ''))
      .filter(line => line !== ''),
  )
}

/** Unpack a tarball where npm would, with what it needs, as the package itself says, beside it. */
export const installPackage = async (tarball: string, folder: string): Promise<string> => {
  const modules = join(resolve(folder), 'node_modules')
  const installed = join(modules, 'mirrorswarm')
  mkdirSync(installed, { recursive: true })
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed])
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  mkdirSync(join(modules, '.bin'))
  const program = join(installed, manifest.bin.mirrorswarm)
  symlinkSync(program, join(modules, '.bin', 'mirrorswarm'))
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  return program
}

/** In the lines' shell `npm` is this program: `npm install --prefix FOLDER node@24 URL`. */
const standIn = `
import { writeFileSync } from 'node:fs'
const { installPackage } = await import(${JSON.stringify(import.meta.url)})
const [command, option, folder, node, url] = process.argv.slice(2)
if (\`\${command} \${option} \${node}\` !== 'install --prefix node@24') throw new Error('not that')
const answer = await fetch(url)
if (answer.status !== 200) throw new Error(\`\${url}: \${answer.status}\`)
writeFileSync('package.tgz', Buffer.from(await answer.arrayBuffer()))
await installPackage('package.tgz', folder)
`

/** Paste lines into a shell in `folder`. */
export const paste = (
  lines: readonly string[],
  folder: string,
  env: NodeJS.ProcessEnv,
): ProcessGroup => {
  const npm = join(folder, 'npm.mjs')
  writeFileSync(npm, standIn)
  const words = `'${process.execPath}' --disable-warning=ExperimentalWarning '${npm}'`
  const script = ['set -e', 'exec 2>&1', `npm() { ${words} "$@"; }`, ...lines, ''].join('\n')
  return new ProcessGroup('sh', ['-c', script], { cwd: folder, env })
}

/** One server-sent event. */
export interface SeenEvent {
  readonly event: string
  readonly data: Record<string, unknown>
}

/** What `/-/events` tells the operator, as the dashboard reads it, until the stream ends. */
export async function* watchEvents(
  originUrl: string,
  operatorToken: string,
  signal: AbortSignal,
): AsyncGenerator<SeenEvent> {
  const headers = { authorization: `Bearer ${operatorToken}` }
  const answer = await fetch(`${originUrl}-/events`, { headers, signal })
  if (answer.body === null) throw new Error(`/-/events answered ${answer.status}`)
  let text = ''
  for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + part).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const field = (name: string): string | undefined =>
        new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1]
      const data = field('data')
      if (data !== undefined) yield { event: field('event') ?? 'message', data: JSON.parse(data) }
    }
  }
}
