// "Did you mean …?": the candidate that a mistyped word is closest to, if any is close.

/** Edits (insert, delete, replace, swap neighbours) that turn one word into the other. */
export const editDistance = (from: string, to: string): number => {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      )
      if (from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        cost = Math.min(cost, (beforeLast[column - 2] ?? Number.POSITIVE_INFINITY) + 1)
      }
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return last[to.length] ?? 0
}

/** The nearest candidate: within a third of the word's length, or one that it begins. */
export const nearest = (word: string, candidates: readonly string[]): string | null => {
  let best: string | null = null
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best ?? candidates.find(name => word.length >= 3 && name.startsWith(word)) ?? null
}

/** ' (did you mean X?)', or the other hint when nothing is near. */
export const suggestion = (
  word: string,
  candidates: readonly string[],
  otherwise: string,
): string => {
  const found = nearest(word, candidates)
  return found === null ? ` (${otherwise})` : ` (did you mean ${found}?)`
}
