// Times of which nothing is known, so that a chart draws no line over them: the origin was away. Pure.

/** Samples are ten seconds or, further back, five minutes apart; more than that is a gap. */
const mostApartMs = 7 * 60_000

export interface Place<Sample> {
  readonly atMs: number
  /** Null: nothing is known from here to the next one. */
  readonly sample: Sample | null
}

/** The samples, oldest first, with a place in each gap. */
export const withGaps = <Sample extends { readonly atMs: number }>(
  samples: readonly Sample[],
): readonly Place<Sample>[] =>
  samples.flatMap((sample, index) => {
    const place = { atMs: sample.atMs, sample }
    const before = samples[index - 1]
    if (before === undefined || sample.atMs - before.atMs <= mostApartMs) return [place]
    return [{ atMs: (before.atMs + sample.atMs) / 2, sample: null }, place]
  })
