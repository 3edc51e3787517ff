// The rules that every source file keeps, as pure functions: file in, problems out. The arrows
// between the folders and the purity of `logic/` are what keeps the architecture true.

import type { AnyNode, FunctionDeclaration } from 'acorn'
import { full, simple } from 'acorn-walk'
import { isTestFile, type SourceFile } from './source-file.ts'

/** Which folders a folder may import besides itself. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  core: [],
  dashboard: ['core'],
  manifest: ['core'],
  delivery: ['core', 'manifest'],
  prsync: ['core', 'manifest'],
  tracker: ['core', 'manifest', 'delivery', 'prsync'],
  origin: ['core', 'dashboard', 'manifest', 'delivery', 'prsync', 'tracker'],
  volunteer: ['core', 'dashboard', 'manifest', 'delivery', 'prsync', 'tracker'],
  loadtest: ['core', 'manifest', 'delivery', 'prsync', 'tracker', 'origin', 'volunteer'],
  cli: ['core', 'manifest', 'delivery', 'prsync', 'tracker', 'origin', 'volunteer', 'loadtest'],
  types: [],
  deploy: [],
}

const fileLines = 400
const functionLines = 70
const testPackages = new Set(['tap', 'fast-check', 'acorn', 'acorn-walk', 'node:test'])
const pureModules = new Set([
  ...['node:assert', 'node:assert/strict', 'node:buffer'],
  ...['bencode', 'ipaddr.js', 'picomatch', 'typebox', 'typebox/compile', 'typebox/value'],
])
/** Has the system's clock beside the seams that replace it. */
const pureByAgreement = new Set(['core/clock.ts'])
const impureGlobals = new Set([
  ...['process', 'globalThis', 'console', 'performance', 'crypto', 'fetch', 'require'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Worker', 'WebSocket'],
])

const topFolder = (path: string): string => path.slice(0, Math.max(0, path.indexOf('/')))

/** Imports along the arrows, and none of tests or their tools by what ships. */
export const arrowProblems = (file: SourceFile): string[] => {
  if (file.test) return []
  const own = topFolder(file.path)
  const allowed = arrows[own]
  if (allowed === undefined) return [`${file.path}: "${own}/" is not a folder of the architecture`]
  return file.imports.flatMap(({ file: target, specifier }) => {
    if (target === null) {
      return testPackages.has(specifier) ? [`${file.path}: imports ${specifier} outside tests`] : []
    }
    if (isTestFile(target)) return [`${file.path}: imports test ${target}`]
    const folder = topFolder(target)
    if (folder === own || allowed.includes(folder)) return []
    return [`${file.path}: ${own} must not import ${folder} (${specifier})`]
  })
}

const isNamed = (node: object): node is { name: string } =>
  'name' in node && typeof node.name === 'string'

/** Parameters and variables of the file: they may be named as a global is. */
const declaredNames = (file: SourceFile): Set<string> => {
  const names = new Set<string>()
  full(file.program, (node, _state, type) => {
    if (type === 'VariablePattern' && isNamed(node)) names.add(node.name)
  })
  return names
}

const impureUses = (file: SourceFile): string[] => {
  const declared = declaredNames(file)
  const uses: string[] = []
  const line = (node: AnyNode): string => `${file.path}:${node.loc?.start.line}`
  simple(file.program, {
    Identifier: node => {
      if (impureGlobals.has(node.name) && !declared.has(node.name)) {
        uses.push(`${line(node)}: a decision must not use ${node.name}`)
      }
    },
    MemberExpression: node => {
      if (node.object.type !== 'Identifier' || node.property.type !== 'Identifier') return
      const name = `${node.object.name}.${node.property.name}`
      if (name === 'Date.now' || name === 'Math.random') {
        uses.push(`${line(node)}: a decision must not use ${name}; pass the value in`)
      }
    },
    NewExpression: node => {
      if (node.callee.type !== 'Identifier' || node.callee.name !== 'Date') return
      if (node.arguments.length === 0) uses.push(`${line(node)}: new Date() reads the clock`)
    },
    ImportExpression: node => {
      uses.push(`${line(node)}: a decision must not load modules`)
    },
  })
  return uses
}

/** What makes a file read or do something: itself, or what it imports at run time. */
const impurities = (
  file: SourceFile,
  sources: ReadonlyMap<string, SourceFile>,
  visited: Set<string>,
): string[] => {
  if (visited.has(file.path) || pureByAgreement.has(file.path)) return []
  visited.add(file.path)
  const imported = file.imports
    .filter(({ typeOnly }) => !typeOnly)
    .flatMap(({ specifier, file: target }) => {
      if (target === null && pureModules.has(specifier)) return []
      const source = target === null ? undefined : sources.get(target)
      if (source === undefined) return [`${file.path}: a decision must not import ${specifier}`]
      return impurities(source, sources, visited)
    })
  return [...imported, ...impureUses(file)]
}

/**
 * A file in `logic/` decides; it neither reads nor does anything. It may import, besides types, only
 * files of which the same is true.
 */
export const purityProblems = (
  file: SourceFile,
  sources: ReadonlyMap<string, SourceFile>,
): string[] => {
  if (!file.logic || file.test) return []
  return impurities(file, sources, new Set()).map(problem =>
    problem.startsWith(`${file.path}:`) ? problem : `${file.path}: by what it imports, ${problem}`,
  )
}

/** Files of at most 400 lines; functions, outside tests, of at most 70. */
export const sizeProblems = (file: SourceFile): string[] => {
  const lines = file.text.trimEnd().split('\n').length
  const problems = lines > fileLines ? [`${file.path}: ${lines} lines (at most ${fileLines})`] : []
  if (file.test) return problems
  const measure = (node: AnyNode): void => {
    if (!node.loc) return
    const length = node.loc.end.line - node.loc.start.line + 1
    if (length > functionLines) {
      problems.push(
        `${file.path}:${node.loc.start.line}: a function of ${length} lines (at most ${functionLines})`,
      )
    }
  }
  simple(file.program, {
    FunctionDeclaration: node => measure(node as FunctionDeclaration),
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
  })
  return problems
}

const isReexport = (node: AnyNode): boolean =>
  node.type === 'ExportAllDeclaration' ||
  (node.type === 'ExportNamedDeclaration' && node.source !== null && node.source !== undefined)

/** Names and form: kebab-case, an opening comment, no default export, no barrel, no utils. */
export const formProblems = (file: SourceFile): string[] => {
  const problems: string[] = []
  const complain = (text: string): void => {
    problems.push(`${file.path}: ${text}`)
  }
  const folders = file.path.split('/').slice(0, -1)
  const name = file.path.split('/').at(-1) ?? ''
  if (folders.some(folder => /^(?:utils?|helpers?|misc)$/.test(folder))) {
    complain('a folder says what it is for; "utils" does not')
  }
  if (!/^[a-z0-9]+(?:[-.][a-z0-9]+)*$/.test(name)) complain('file names are kebab-case')
  if (!/^(?:#!.*\n)?\/[/*]/.test(file.text) && !/\.test\.ts$/.test(name)) {
    complain('a file opens with a sentence on what it is for')
  }
  const body = file.program.body
  if (body.some(node => node.type === 'ExportDefaultDeclaration')) complain('a default export')
  if (body.some(node => node.type === 'ExportAllDeclaration') || /^index\./.test(name)) {
    complain('a barrel file hides where things live')
  } else if (body.length > 0 && body.every(isReexport)) complain('a barrel file')
  return problems
}
