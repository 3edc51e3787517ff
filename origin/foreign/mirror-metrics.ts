// What looking at mirrors without our daemon comes to, for Prometheus: of all of them together, since
// what each holds and how it stands is among the volunteers' series.

import { Counter, type Registry } from 'prom-client'
import { addValue } from '../../core/collected-gauge.ts'
import type { MirrorCounters } from './watched-mirror.ts'

export interface MirrorMetricsSources {
  mirrors(): { readonly watched: number; readonly counters: MirrorCounters }
}

export const addMirrorMetrics = (registry: Registry, sources: MirrorMetricsSources): void => {
  const registers = [registry]
  addValue(
    registry,
    'mirrorswarm_mirrors_watched',
    'Mirrors without our daemon whose files are looked at',
    () => sources.mirrors().watched,
  )
  new Counter({
    name: 'mirrorswarm_mirror_looks_total',
    help: 'Looks at files of mirrors without our daemon by what they showed',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset()
      for (const [result, count] of Object.entries(sources.mirrors().counters.looks)) {
        this.inc({ result }, count)
      }
    },
  })
  new Counter({
    name: 'mirrorswarm_mirror_look_bytes_total',
    help: 'Bytes read from mirrors without our daemon to compare them',
    registers,
    collect() {
      this.reset()
      this.inc(sources.mirrors().counters.readBytes)
    },
  })
  new Counter({
    name: 'mirrorswarm_mirror_lost_proofs_total',
    help: 'Files that a mirror without our daemon was proved to have and has no more',
    registers,
    collect() {
      this.reset()
      this.inc(sources.mirrors().counters.lostProofs)
    },
  })
}
