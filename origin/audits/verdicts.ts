// What follows from looking at volunteers: suspicion, quarantine and release, holdings that are
// taken back, claims of volunteers about each other. Applies what the pure parts decide.

import type { Clock } from '../../core/clock.ts'
import { describeError } from '../../core/errors.ts'
import type { VolunteerName } from '../../core/ids.ts'
import type { Logger } from '../../core/log.ts'
import type { Tracker } from '../../tracker/tracker.ts'
import { addClaim, type Claims, forgetTarget, isCredible, standingOf } from '../logic/claims.ts'
import type { Finding, Verdict } from '../logic/probe-verdict.ts'
import { type Evidence, stepSuspicion } from '../logic/suspicion.ts'
import type { AuditResult } from './direct-audit.ts'
import type { SentFile } from './recent-sent.ts'

export type AuditMetric = 'direct' | 'through'

export interface VerdictsParts {
  readonly tracker: Pick<Tracker, 'suspicion' | 'setSuspicion' | 'withdraw' | 'volunteer'>
  readonly clock: Pick<Clock, 'nowMs'>
  readonly logger: Logger
  /** It took no connection: whether it can be reached at all is found out elsewhere. */
  readonly onUnreachable: (name: VolunteerName) => void
  readonly onAudit: (by: AuditMetric, result: Finding | 'no-report') => void
}

/** What no honest volunteer sends, whatever befell the network in between. */
const damning: ReadonlySet<Finding> = new Set(['wrong-bytes', 'wrong-length', 'wrong-status'])

export class Verdicts {
  readonly #parts: VerdictsParts
  #claims: Claims = []

  constructor(parts: VerdictsParts) {
    this.#parts = parts
  }

  /** Whether reports of this volunteer count. */
  isCredible(reporter: VolunteerName): boolean {
    return isCredible(this.#claims, reporter)
  }

  /** Who has said something about it lately. */
  hasSpoken(reporter: VolunteerName, target: VolunteerName): boolean {
    return this.#claims.some(claim => claim.reporter === reporter && claim.target === target)
  }

  /** The origin looked itself. */
  async direct(name: VolunteerName, file: SentFile, result: AuditResult): Promise<void> {
    const { onAudit, onUnreachable, tracker } = this.#parts
    onAudit('direct', result.finding)
    if (result.finding === 'unreachable') onUnreachable(name)
    if (result.bounce === 'not held') await tracker.withdraw(name, file.content.number)
    // It may serve the origin well and clients not.
    if (result.finding === 'passed' && this.#isConvictedByOthers(name)) return
    await this.#apply(name, { finding: result.finding, by: 'origin', detail: result.detail })
  }

  /** It is under suspicion, and there is nothing that it could be asked for: later. */
  async nothingToSee(name: VolunteerName): Promise<void> {
    await this.#apply(name, { finding: 'bounced', by: 'origin', detail: 'it holds nothing' })
  }

  /** The order was not carried out, or its answer says nothing. */
  async noReport(auditor: VolunteerName, target: VolunteerName, problem: string): Promise<void> {
    const { onAudit, logger } = this.#parts
    onAudit('through', 'no-report')
    logger.debug({ auditor, target, problem }, 'an audit through a volunteer told nothing')
    if (this.#isConvictedByOthers(target)) await this.nothingToSee(target)
  }

  /** Another volunteer looked. `accused`: it claims what has to be confirmed. */
  async claimed(
    reporter: VolunteerName,
    target: VolunteerName,
    { finding, detail }: Verdict,
  ): Promise<{ readonly accused: boolean; readonly disputed: boolean }> {
    const { onAudit, clock, logger } = this.#parts
    onAudit('through', finding)
    const wrong = damning.has(finding)
    // What it was convicted by, it is cleared by.
    const convicted = this.#isConvictedByOthers(target)
    if (convicted) await this.#apply(target, { finding, by: 'others', detail })
    if (!wrong && finding !== 'passed') return { accused: false, disputed: false }
    const believed = this.isCredible(reporter)
    this.#claims = addClaim(this.#claims, { reporter, target, wrong, atMs: clock.nowMs() })
    this.#notice(reporter, believed)
    const standing = standingOf(this.#claims, target)
    if (wrong) logger.warn({ reporter, target, finding, detail }, 'a volunteer accuses another')
    if (standing.convicted && !convicted) {
      const count = standing.accusers.length
      const told = `${count} volunteers found: ${detail}`
      await this.#apply(target, { finding: 'wrong-bytes', by: 'others', detail: told })
      return { accused: wrong, disputed: false }
    }
    return { accused: wrong, disputed: standing.disputed }
  }

  #isConvictedByOthers(name: VolunteerName): boolean {
    const suspicion = this.#parts.tracker.suspicion(name)
    return suspicion?.quarantined === true && suspicion.by === 'others'
  }

  /** A claim may discredit others, too, but they are noticed when they speak next. */
  #notice(reporter: VolunteerName, believedBefore: boolean): void {
    if (!believedBefore || this.isCredible(reporter)) return
    this.#parts.logger.warn(
      { volunteer: reporter },
      'it accuses volunteers that others clear: its reports do not count any more',
    )
  }

  async #apply(name: VolunteerName, evidence: Evidence): Promise<void> {
    const { tracker, clock, logger } = this.#parts
    if (tracker.volunteer(name) === null) return
    const before = tracker.suspicion(name)
    const after = stepSuspicion(before, evidence, clock.nowMs())
    if (after === before) return
    const was = before?.quarantined === true
    const is = after?.quarantined === true
    if (was && !is) this.#claims = forgetTarget(this.#claims, name)
    const { finding, by, detail } = evidence
    if (is !== was) {
      const what = is ? 'a volunteer is quarantined' : 'a volunteer is let out of quarantine'
      logger.warn({ volunteer: name, finding, by, detail }, what)
    } else if (finding !== 'passed') {
      logger.info({ volunteer: name, finding, by, detail }, 'an audit failed')
    }
    try {
      await tracker.setSuspicion(name, after)
    } catch (error) {
      logger.warn({ volunteer: name, error: describeError(error) }, 'cannot note a suspicion')
    }
  }
}
