import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import bencode from 'bencode'
import Client from 'bittorrent-tracker/client'
import t, { type Test } from 'tap'
import { stockPeersPerSwarm, stockSwarms } from '../core/limits.ts'
import { silentLogger } from '../core/log.ts'
import { infoHash } from './fixtures/samples.ts'
import { type StockParts, StockTracker } from './stock.ts'

const known = infoHash('a')
const other = infoHash('b')
const foreign = infoHash('f')

interface Answer {
  'failure reason'?: string
  interval?: number
  complete?: number
  incomplete?: number
  peers?: Uint8Array | { ip: string; port: number; 'peer id': string }[]
  peers6?: Uint8Array
  files?: Record<string, { complete: number; incomplete: number }>
}

/** Byte strings as Latin-1 text, except the compact peer lists. */
const readable = (value: unknown, key = ''): unknown => {
  if (value instanceof Uint8Array) {
    return key === 'peers' || key === 'peers6' ? value : Buffer.from(value).toString('latin1')
  }
  if (Array.isArray(value)) return value.map(item => readable(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, readable(v, k)]))
}

const start = async (t: Test, parts: Partial<StockParts> = {}) => {
  const stock = new StockTracker(
    {
      isKnown: hash => hash === known || hash === other,
      logger: silentLogger,
      ...parts,
    },
    { intervalMs: 600_000 },
  )
  stock.start()
  const server = createServer((request, response) => {
    const action = request.url?.includes('scrape') ? 'scrape' : 'announce'
    stock.handle(request, response, action, '127.0.0.1')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    stock.stop()
    server.closeAllConnections()
    server.close()
  })
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/-`
  const get = async (path: string): Promise<Answer> => {
    const response = await fetch(`${base}${path}`)
    t.equal(response.status, 200)
    return readable(bencode.decode(Buffer.from(await response.arrayBuffer()))) as Answer
  }
  return { stock, base, get }
}

const escaped = (hex: string) => hex.replace(/../g, '%$&')
const announce = (hash: string, port: number, more = '') =>
  `/announce?info_hash=${escaped(hash)}&peer_id=${'p'.repeat(20)}&port=${port}&left=5&uploaded=0&downloaded=0${more}`

t.test('a real client finds other clients', async t => {
  const { base, get } = await start(t)
  await get(announce(known, 7001))
  await get(announce(known, 7003).replace('left=5', 'left=0'))
  const client = new Client({
    infoHash: known,
    peerId: Buffer.from('-TS0001-abcdefghijkl'),
    announce: `${base}/announce`,
    port: 7002,
    wrtc: false,
  })
  client.on('error', error => t.error(error))
  client.on('warning', error => t.error(error))
  const peers: string[] = []
  client.on('peer', (address: string) => peers.push(address))
  const update = once(client, 'update')
  client.start({ left: 100 })
  const [answer] = await update
  t.match(answer, { interval: 600, complete: 1, incomplete: 2 })
  for (const port of [7001, 7003]) t.ok(peers.includes(`127.0.0.1:${port}`))
  const scraped = once(client, 'scrape')
  client.scrape()
  t.match((await scraped)[0], { complete: 1, incomplete: 2 })
  await new Promise<void>(resolve => client.destroy(resolve))
})

t.test('answers are compact where the client wants that', async t => {
  const { get } = await start(t)
  await get(announce(known, 7001))
  const compact = await get(announce(known, 7002, '&compact=1'))
  const addresses = Buffer.from(compact.peers as Uint8Array)
  t.ok(addresses.includes(Buffer.from([127, 0, 0, 1, 7001 >> 8, 7001 & 255])))
  const full = await get(announce(known, 7002, '&compact=0'))
  const peers = full.peers as { ip: string; port: number }[]
  t.ok(peers.some(({ ip, port }) => ip === '127.0.0.1' && port === 7001))
  const odd = await get(announce(known, 7002, '&compact=7'))
  t.ok(Array.isArray(odd.peers), 'another value of compact means not compact')
})

t.test('no more peers are named than are wanted, and none to who stops', async t => {
  const { get } = await start(t)
  for (const port of [7001, 7002, 7003]) await get(announce(known, port))
  const few = await get(announce(known, 7004, '&compact=0&numwant=1'))
  t.equal((few.peers as unknown[]).length, 1)
  const negative = await get(announce(known, 7004, '&compact=0&numwant=-5'))
  t.equal((negative.peers as unknown[]).length, 0)
  const stopped = await get(announce(known, 7004, '&compact=0&event=stopped'))
  t.equal((stopped.peers as unknown[]).length, 0)
})

t.test('torrents of others are refused and leave no trace', async t => {
  const { stock, get } = await start(t)
  for (let k = 0; k < 50; k++) {
    const random = k.toString(16).padStart(40, '0')
    t.match(await get(announce(random, 7001)), { 'failure reason': /does not know/ })
    await get(`/scrape?info_hash=${escaped(random)}`)
  }
  t.match(await get(announce(foreign, 7001)), { 'failure reason': /does not know/ })
  t.equal(stock.swarms, 0)
})

t.test('scrape names one torrent, never all of them', async t => {
  const { get } = await start(t)
  await get(announce(known, 7001))
  t.match(await get('/scrape'), { 'failure reason': /needs an info_hash/ })
  t.match(await get('/scrape?x=info_hash='), { 'failure reason': /needs an info_hash/ })
  const { files } = await get(`/scrape?info_hash=${escaped(known)}`)
  t.match(Object.values(files ?? {}), [{ complete: 0, incomplete: 1 }])
  t.equal(Object.keys(files ?? {}).length, 1)
})

t.test('nonsense is answered with a reason', async t => {
  const { get } = await start(t)
  for (const path of [
    '/announce',
    '/announce?info_hash=short',
    `/announce?info_hash=${escaped(known)}`,
    announce(known, 0),
    announce(known, 70_000),
    announce(known, 7001, '&event=__proto__'),
    announce(known, 7001, '&event=started&event=started'),
    `/announce?info_hash=${escaped(known)}&info_hash=${escaped(known)}&port=1`,
    '/scrape?info_hash=%zz',
  ]) {
    t.type((await get(path))['failure reason'], 'string', path)
  }
})

t.test('clients and swarms are bounded, and forgotten when they are over', async t => {
  const all = (k: number) => k.toString(16).padStart(40, '0')
  let forgotten = ''
  const { stock, get } = await start(t, { isKnown: hash => hash !== forgotten })
  for (let port = 1; port <= stockPeersPerSwarm + 20; port++) await get(announce(known, port))
  const crowded = await get(announce(known, 1))
  t.ok((crowded.incomplete ?? 0) <= stockPeersPerSwarm)
  for (let k = 0; k < stockSwarms + 5; k++) await get(`/scrape?info_hash=${escaped(all(k))}`)
  t.equal(stock.swarms, stockSwarms)
  await get(announce(all(1), 7001))
  await get(announce(all(2), 7001))
  stock.sweep()
  t.equal(stock.swarms, 2, 'only those with clients stay')
  await get(announce(all(2), 7001, '&event=stopped'))
  stock.sweep()
  t.equal(stock.swarms, 1)
  forgotten = all(1)
  stock.sweep()
  t.equal(stock.swarms, 0, 'a torrent that is no longer known goes')
})

t.test('the origin is named after all others, and not to who has everything', async t => {
  const seeder = { ip: '192.0.2.7', port: 6881, peerId: '2d'.repeat(20) }
  const { get } = await start(t, { seeders: () => [seeder, { ...seeder, ip: '2001:db8::7' }] })
  await get(announce(known, 7001))
  const full = await get(announce(known, 7002, '&compact=0'))
  const names = (full.peers as { ip: string }[]).map(({ ip }) => ip)
  t.same(names.slice(-2), ['192.0.2.7', '2001:db8::7'])
  t.ok(names.includes('127.0.0.1'))
  t.equal(full.complete, 1, 'clients learn that there is a seeder')
  const compact = await get(announce(known, 7002, '&compact=1'))
  const tail = Buffer.from([192, 0, 2, 7, 6881 >> 8, 6881 & 255])
  t.ok(
    Buffer.from(compact.peers as Uint8Array)
      .subarray(-6)
      .equals(tail),
  )
  t.equal(Buffer.from(compact.peers6 as Uint8Array).length, 18)
  const one = await get(announce(known, 7002, '&compact=0&numwant=1'))
  t.match(one.peers, [{ ip: '192.0.2.7' }])
  const stopped = await get(announce(known, 7002, '&compact=0&event=stopped'))
  t.equal((stopped.peers as unknown[]).length, 0)
  const complete = announce(known, 7003, '&compact=0').replace('left=5', 'left=0')
  const done = (await get(complete)).peers as { ip: string }[]
  t.notOk(done.some(({ ip }) => ip === '192.0.2.7'))
})
