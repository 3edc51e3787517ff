// Whether what is missing of a form is likely to cost less than the gzip file itself. Counting only.

import type { Run } from '../../logic/runs.ts'
import { clipRuns, runsBytes } from '../../logic/runs.ts'
import { type FormShape, formBytes } from './form.ts'

/** What missing bytes of tokens and frame cost on the wire, compressed. */
const perTokenByte = 0.7
const perFrameByte = 0.9
/** Bits of a text from here and there compress less than all of it did. */
const textLoss = 1.1
/** Of a missing run, for being asked for. */
const perRun = 3
/** It must save at least a tenth: the work is not for nothing. */
const mostShare = 0.9

/** What fetching these runs of the form of a file costs, about, in bytes. */
export const missingCost = (
  shape: FormShape,
  missing: readonly Run[],
  packedBytes: number,
): number => {
  const { textBytes, tokenBytes } = shape
  const within = (from: number, to: number): number => runsBytes(clipRuns(missing, from, to))
  const perTextByte = textBytes === 0 ? 0 : Math.min(1, (textLoss * packedBytes) / textBytes)
  return (
    perTextByte * within(0, textBytes) +
    perTokenByte * within(textBytes, textBytes + tokenBytes) +
    perFrameByte * within(textBytes + tokenBytes, formBytes(shape)) +
    perRun * missing.length
  )
}

export const isWorthMaking = (
  shape: FormShape,
  missing: readonly Run[],
  packedBytes: number,
): boolean => missingCost(shape, missing, packedBytes) < packedBytes * mostShare
