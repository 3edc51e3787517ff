import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { turnOf } from './pipeline-turn.ts'

t.test(
  'answers of one connection begin one after the other, and all end when it closes',
  async t => {
    let active = 0
    let most = 0
    let begun = 0
    let hold = false
    let asked = 0
    const server = createServer(async (request, response) => {
      asked++
      const turn = turnOf(response)
      if (turn !== null) await turn
      most = Math.max(most, ++active)
      begun++
      if (hold) return
      await new Promise(resolve => setImmediate(resolve))
      active--
      response.end(request.url)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    const open = () => connect((server.address() as AddressInfo).port, '127.0.0.1')
    const requests = Array.from(
      { length: 100 },
      (_, index) => `GET /${index} HTTP/1.1\r\nHost: x\r\n`,
    )

    const socket = open()
    socket.write(`${requests.join('\r\n')}Connection: close\r\n\r\n`)
    let text = ''
    for await (const part of socket) text += String(part)
    const order = requests.map((_, index) => `/${index}`)
    t.same(text.match(/^\/\d+/gm), order, 'in order')
    t.equal(most, 1)

    hold = true
    asked = 0
    begun = 0
    const gone = open()
    gone.on('error', () => undefined)
    gone.write(`${requests.join('\r\n')}\r\n`)
    const deadline = performance.now() + 10_000
    const until = async (isSo: () => boolean): Promise<void> => {
      while (!isSo() && performance.now() < deadline) {
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    await until(() => asked > 1)
    gone.destroy()
    await once(gone, 'close')
    await until(() => begun === asked)
    t.equal(begun, asked, 'nobody waits for a connection that is gone')
  },
)
