import t from 'tap'
import { silentLogger } from '../core/log.ts'
import { type DaemonProgress, showProgress } from './daemon-progress.ts'

const until = async (happened: () => boolean): Promise<void> => {
  const deadlineMs = Date.now() + 20_000
  while (!happened() && Date.now() < deadlineMs) await new Promise(setImmediate)
}

for (const interactive of [true, false]) {
  t.test(
    `work is shown ${interactive ? 'as a bar on a terminal' : 'in the log elsewhere'}`,
    async t => {
      const drawn: string[] = []
      const logged: string[] = []
      let work: DaemonProgress | null = { what: 'hashing', doneBytes: 50, totalBytes: 100 }
      const io = {
        interactive,
        note: () => t.fail('no note'),
        draw: (text: string) => drawn.push(text),
      }
      const logger = {
        ...silentLogger,
        info: (fields: object, text: string) => void logged.push(`${text} ${Object.keys(fields)}`),
      }
      const stop = showProgress(
        { ...io, draw: text => void drawn.push(text) },
        logger,
        () => work,
        1,
      )
      const shown = interactive ? drawn : logged
      await until(() => shown.length > 0)
      t.match(
        shown[0],
        interactive ? /^\[#+-+\] {2}50 % .*hashing$/ : /^hashing: .* doneBytes,totalBytes$/,
      )
      work = null
      if (interactive) {
        await until(() => drawn.includes(''))
        t.equal(drawn.at(-1), '', 'the line goes when the work is over')
      }
      stop()
      t.equal((interactive ? logged : drawn).length, 0)
    },
  )
}
