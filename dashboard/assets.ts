// The files that a browser loads: pages from their parts, style, scripts. In a checkout the scripts'
// types are stripped when they are first asked for; in the package they are compiled already.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Page, renderPage } from './pages/layout.ts'

export interface Asset {
  readonly type: string
  readonly bytes: Buffer
  readonly etag: string
}

/** Names below "/-/ui/" to pages; '' is the first page. */
export type PageSet = ReadonlyMap<string, Page>

const folder = import.meta.dirname
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

const assetOf = (type: string, text: string | Buffer): Asset => {
  const bytes = Buffer.from(text)
  const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 22)
  return { type, bytes, etag: `"${hash}"` }
}

/** Browsers know no bare names, and import maps would need a script inside the page. */
const ownNames = (script: string): string =>
  script.replaceAll(/from 'uplot'/g, "from '../vendor/uplot.js'")

const scriptOf = (file: string): Asset => {
  const text = readFileSync(file, 'utf8')
  const script = extension === 'ts' ? stripTypeScriptTypes(text) : text
  return assetOf('text/javascript; charset=utf-8', ownNames(script))
}

const scriptsIn = (name: string): [string, Asset][] =>
  readdirSync(join(folder, name))
    .filter(file => file.endsWith(`.${extension}`) && !/\.(?:test|d)\.ts$/.test(file))
    .map(file => [`${name}/${file}`, scriptOf(join(folder, name, file))])

const vendor = (): [string, Asset][] => {
  const library = (file: string): Buffer =>
    readFileSync(fileURLToPath(import.meta.resolve(`uplot/dist/${file}`)))
  return [
    ['vendor/uplot.js', assetOf('text/javascript; charset=utf-8', library('uPlot.esm.js'))],
    ['vendor/uplot.css', assetOf('text/css; charset=utf-8', library('uPlot.min.css'))],
  ]
}

/** Everything that these pages need, by its name below "/-/ui/". */
export const readAssets = (pages: PageSet): ReadonlyMap<string, Asset> => {
  const style = readFileSync(join(folder, 'style.css'))
  return new Map([
    ...[...pages].map(([name, page]): [string, Asset] => [
      name,
      assetOf('text/html; charset=utf-8', renderPage(page, extension)),
    ]),
    ['style.css', assetOf('text/css; charset=utf-8', style)],
    ['icon.svg', assetOf('image/svg+xml', readFileSync(join(folder, 'icon.svg')))],
    ...scriptsIn('browser'),
    ...scriptsIn('logic'),
    ...vendor(),
  ])
}
