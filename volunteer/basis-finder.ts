// Finds held files that may share bytes with a wanted content: by name, then by anchors. It knows
// what is held and what was tried in vain; it transfers nothing and reads no file.

import {
  anchorListCeilingBytes,
  anchorListFloorBytes,
  basesByName,
  basisFloorBytes,
  basisPaths,
  compressedBasesByName,
  relativesLookedAt,
  rememberedByName,
} from '../core/basis-limits.ts'
import type { ContentNumber, RepoPath, Sha256 } from '../core/ids.ts'
import { anchorBytes } from '../core/kernel/anchors.ts'
import { baseName, parentPath } from '../core/repo-path.ts'
import { type NameFacts, readName } from '../manifest/formats/package-name.ts'
import { type NamedCandidate, rankRelatives } from '../manifest/formats/relatives.ts'
import type { Content } from '../manifest/model.ts'
import type { AnchorIndex } from '../prsync/anchor-index.ts'
import type { BasisCandidate, BasisFinder } from '../prsync/basis.ts'
import { sampledCount } from '../prsync/logic/anchor-sketch.ts'
import { type AnchorHits, chooseBases, scanBudget } from '../prsync/logic/basis-choice.ts'
import type { BasisHeld } from './basis-held.ts'
import type { BasisNames } from './basis-names.ts'
import type { HeldFile } from './held-store.ts'
import { askFamily, noteOutcome } from './logic/basis-memory.ts'

export interface BasisFinderParts {
  readonly held: BasisHeld
  readonly names: BasisNames
  readonly index: AnchorIndex
  /** Where a wanted content is to be placed. */
  readonly pathsOf: (content: ContentNumber) => readonly RepoPath[]
}

interface HeldRelative extends NamedCandidate {
  readonly file: HeldFile
}

interface Nominated extends AnchorHits {
  readonly file: HeldFile
}

interface Proposal {
  readonly file: HeldFile
  readonly reason: BasisCandidate['reason']
}

/** What relatives in the same folder begin with: the name up to its first number. */
const commonStart = (path: RepoPath, { kind }: NameFacts): string => {
  const folder = parentPath(path)
  const base = baseName(path)
  // By-hash names and indexes with a hash in front have nothing in common.
  const isHashed = kind === 'by-hash' || (kind === 'index' && /^[0-9a-f]{32}/.test(base))
  const start = isHashed ? '' : (/^[^0-9]*/.exec(base)?.[0] ?? '')
  return folder === '' ? start : `${folder}/${start}`
}

const isIn = (sizes: { readonly sizeBytes: number }): boolean => sizes.sizeBytes >= basisFloorBytes

const isListed = (sizeBytes: number): boolean =>
  sizeBytes >= anchorListFloorBytes && sizeBytes <= anchorListCeilingBytes

export class HeldBasisFinder implements BasisFinder {
  readonly #parts: BasisFinderParts
  /** How many bases were found by name; a null means that the family was left out. */
  readonly #byName = new Map<Sha256, number | null>()

  constructor(parts: BasisFinderParts) {
    this.#parts = parts
  }

  #paths(content: Content): RepoPath[] {
    const paths = this.#parts.pathsOf(content.number).slice(0, basisPaths)
    // A by-hash path says least of all.
    const plain = paths.filter(path => readName(path).kind !== 'by-hash')
    return [...plain, ...paths.filter(path => !plain.includes(path))]
  }

  async byName(content: Content): Promise<readonly BasisCandidate[]> {
    const paths = this.#paths(content)
    const [first] = paths
    if (first === undefined || !isIn(content)) return []
    const facts = readName(first)
    const proposals = this.#proposals(content, paths)
    if (proposals.length > 0 && !this.#ask(`name ${facts.key}`)) {
      this.#remember(content.sha256, null)
      return []
    }
    const most = facts.compressed ? compressedBasesByName : basesByName
    const chosen = await this.#usable(proposals, content, most)
    this.#remember(content.sha256, chosen.length)
    return chosen
  }

  /** Held files with a promising name, the best first; each content once. */
  #proposals(content: Content, paths: readonly RepoPath[]): Proposal[] {
    const proposals: Proposal[] = []
    const seen = new Set<Sha256>([content.sha256])
    const propose = (file: HeldFile, reason: Proposal['reason']): void => {
      if (seen.has(file.sha256) || !isIn(file)) return
      seen.add(file.sha256)
      proposals.push({ file, reason })
    }
    for (const path of paths) {
      const before = this.#parts.held.at(path)
      if (before !== null) propose(before, 'path')
    }
    for (const path of paths) {
      const target = { path, facts: readName(path), sizeBytes: content.sizeBytes }
      for (const { candidate, sameName } of rankRelatives(target, this.#relatives(target))) {
        propose(candidate.file, sameName ? 'name' : 'package')
      }
    }
    return proposals
  }

  /** Held files with the key of a path, in its folder and elsewhere. */
  #relatives({ path, facts }: NamedCandidate): HeldRelative[] {
    const { held, names } = this.#parts
    const found = new Map<string, HeldRelative>()
    const take = (file: HeldFile): boolean => {
      const relative = {
        path: file.path,
        facts: readName(file.path),
        sizeBytes: file.sizeBytes,
        file,
      }
      if (relative.facts.key !== facts.key) return false
      if (file.path !== path) found.set(file.path, relative)
      return true
    }
    const start = commonStart(path as RepoPath, facts)
    for (const file of held.beginningWith(start, relativesLookedAt)) take(file)
    const gone: number[] = []
    for (const prefix of names.related(facts.key, relativesLookedAt)) {
      const files = held.withPrefix(prefix)
      // A content with many paths may have the key by one that was not looked at.
      if (files.filter(take).length === 0 && files.length < 2) gone.push(prefix)
    }
    names.forget(facts.key, gone)
    return [...found.values()]
  }

  /** The first few that are still as verified, within the bytes that may be scanned. */
  async #usable(
    proposals: readonly Proposal[],
    content: Content,
    most: number,
  ): Promise<BasisCandidate[]> {
    const { held } = this.#parts
    const usable: BasisCandidate[] = []
    let left = scanBudget(content.sizeBytes)
    for (const { file, reason } of proposals) {
      if (usable.length >= most) break
      if (file.sizeBytes > left || !(await held.isIntact(file))) continue
      left -= file.sizeBytes
      usable.push({ ...this.#basis(file), reason })
    }
    return usable
  }

  #basis(file: HeldFile) {
    const { sizeBytes, modifiedNs, sha256 } = file
    return { file: this.#parts.held.file(file), sizeBytes, modifiedNs, sha256 }
  }

  async byAnchors(content: Content, anchors: Uint8Array): Promise<readonly BasisCandidate[]> {
    const { held, index } = this.#parts
    const nominated: Nominated[] = []
    for (const nomination of await index.nominate(anchors)) {
      const files = held.withPrefix(nomination.prefix).filter(isIn)
      const file = files.find(({ sha256 }) => sha256 !== content.sha256)
      if (file === undefined) continue
      const sampled = sampledCount(file.sizeBytes, index.halvings)
      nominated.push({ ...nomination, file, sizeBytes: file.sizeBytes, sampled })
    }
    const anchorCount = Math.floor(anchors.length / anchorBytes)
    const candidates: BasisCandidate[] = []
    for (const { hits, runs } of chooseBases(nominated, content.sizeBytes, anchorCount)) {
      if (!(await held.isIntact(hits.file))) continue
      const place = runs === null ? {} : { runs }
      candidates.push({ ...this.#basis(hits.file), reason: 'anchors', ...place })
    }
    if (candidates.length === 0) this.#note(this.#anchorFamily(content), content, 0)
    return candidates
  }

  worthAnchors(content: Content): boolean {
    if (!isListed(content.sizeBytes) || this.#parts.index.isEmpty) return false
    const [first] = this.#paths(content)
    if (first === undefined) return false
    const { kind, compressed } = readName(first)
    if (kind === 'image' && !compressed) return true
    const found = this.#byName.get(content.sha256)
    const isUnknown = !compressed && (kind === 'archive' || kind === 'file' || kind === 'by-hash')
    if (!isUnknown && found !== 0) return false
    return this.#ask(this.#anchorFamily(content))
  }

  outcome(content: Content, tried: readonly BasisCandidate[], matchedBytes: number): void {
    this.#byName.delete(content.sha256)
    const [first] = this.#paths(content)
    if (first === undefined || tried.length === 0) return
    if (tried.some(({ reason }) => reason !== 'anchors')) {
      this.#note(`name ${readName(first).key}`, content, matchedBytes)
    }
    if (tried.some(({ reason }) => reason === 'anchors')) {
      this.#note(this.#anchorFamily(content), content, matchedBytes)
    }
  }

  /** Whether anchors help is a matter of how files are packed, not of their names. */
  #anchorFamily(content: Content): string {
    const [first] = this.#paths(content)
    const facts = first === undefined ? null : readName(first)
    return `anchors ${facts?.kind ?? ''} ${facts?.form ?? ''}`
  }

  #ask(family: string): boolean {
    const { names } = this.#parts
    const memory = names.family(family)
    const { attempt, next } = askFamily(memory)
    if (next !== memory) names.setFamily(family, next)
    return attempt
  }

  #note(family: string, content: Content, matchedBytes: number): void {
    const { names } = this.#parts
    const memory = names.family(family)
    const next = noteOutcome(memory, matchedBytes, content.sizeBytes)
    if (memory !== next) names.setFamily(family, next)
  }

  #remember(sha256: Sha256, found: number | null): void {
    this.#byName.delete(sha256)
    this.#byName.set(sha256, found)
    if (this.#byName.size <= rememberedByName) return
    const [oldest] = this.#byName.keys()
    if (oldest !== undefined) this.#byName.delete(oldest)
  }
}
