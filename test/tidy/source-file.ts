// Reads the project's source files as the tidy rules see them: text, syntax tree, imports. The tree
// is acorn's, of the text with its types blanked out, so lines and columns are those of the file.

import { readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join, posix } from 'node:path'
import { type Program, parse } from 'acorn'
import { simple } from 'acorn-walk'

export interface Import {
  /** As written: './units.ts', 'node:fs', 'undici'. */
  readonly specifier: string
  /** A relative import as a path from the project's root; null for packages. */
  readonly file: string | null
  readonly typeOnly: boolean
}

export interface SourceFile {
  /** From the project's root: 'core/units.ts'. */
  readonly path: string
  readonly text: string
  readonly program: Program
  readonly imports: readonly Import[]
  /** Tests, benches and what serves them, which may import anything. */
  readonly test: boolean
  /** Inside a `logic/` folder: decisions only. */
  readonly logic: boolean
}

const skipped = new Set(['node_modules', 'dist', 'stubs'])

const filesBelow = (root: string, folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap(item => {
    const path = folder === '' ? item.name : `${folder}/${item.name}`
    if (item.name.startsWith('.') || skipped.has(item.name)) return []
    if (item.isDirectory()) return filesBelow(root, path)
    return /\.(?:ts|js)$/.test(item.name) ? [path] : []
  })

/** Tests and what only they and benches use: contract suites, fixtures. */
export const isTestFile = (path: string): boolean =>
  /(?:\.test|-contract|-fixture)\.ts$/.test(path) ||
  /(?:^|\/)(?:test|bench|fixtures)\//.test(path) ||
  /(?:^|\/)test-[a-z0-9-]+\.ts$/.test(path)

const typeImportPattern =
  /\b(?:import|export)\s+type\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g

/** Imports that type stripping erased: found in the text where the stripped text is blank. */
const typeImports = (text: string, stripped: string): string[] =>
  [...text.matchAll(typeImportPattern)]
    .filter(match => /^\s*$/.test(stripped.slice(match.index, match.index + 6)))
    .map(match => match[1] ?? match[2] ?? '')

const valueImports = (program: Program): string[] => {
  const found: string[] = []
  const add = (source: { value?: unknown } | null | undefined): void => {
    if (typeof source?.value === 'string') found.push(source.value)
  }
  simple(program, {
    ImportDeclaration: node => add(node.source),
    ExportNamedDeclaration: node => add(node.source),
    ExportAllDeclaration: node => add(node.source),
    ImportExpression: node => {
      if (node.source.type === 'Literal') add(node.source)
    },
  })
  return found
}

/** One file's text as the rules see it; throws when it is not valid. */
export const parseSource = (path: string, text: string): SourceFile => {
  const stripped = path.endsWith('.ts') ? stripTypeScriptTypes(text) : text
  const program = parse(stripped, {
    ecmaVersion: 'latest',
    sourceType: 'module',
    locations: true,
    allowHashBang: true,
  })
  const toImport = (specifier: string, typeOnly: boolean): Import => ({
    specifier,
    file: specifier.startsWith('.') ? posix.join(dirname(path), specifier) : null,
    typeOnly,
  })
  return {
    path,
    text,
    program,
    imports: [
      ...valueImports(program).map(specifier => toImport(specifier, false)),
      ...typeImports(text, stripped).map(specifier => toImport(specifier, true)),
    ],
    test: isTestFile(path),
    logic: path.split('/').slice(0, -1).includes('logic'),
  }
}

/** All .ts and .js files of the project. */
export const readSources = (root: string): SourceFile[] =>
  filesBelow(root, '').map(path => parseSource(path, readFileSync(join(root, path), 'utf8')))
