import t from 'tap'
import { clientText, partsOfClient } from './client-text.ts'

t.test('what a client’s text is made of is found again', async t => {
  for (const address of ['192.0.2.7', '2001:db8::1', '']) {
    for (const agent of ['', 'curl/8.5', 'Debian APT-HTTP/1.3 (2.6.1)', ' two  spaces']) {
      const anybody = partsOfClient(clientText(address, null, agent), address, false)
      t.strictSame(anybody, { name: null, agent })
      const named = partsOfClient(clientText(address, 'lab-7', agent), address, true)
      t.strictSame(named, { name: 'lab-7', agent })
    }
  }
  t.strictSame(partsOfClient('operator', '', true), { name: 'operator', agent: '' })
})
