import t from 'tap'
import { frontDefaults } from '../delivery/front.ts'
import {
  checkOptions,
  nameFromHost,
  placeOfData,
  urlOfListener,
  type VolunteerOptions,
} from './options.ts'

const options: VolunteerOptions = {
  mirrorDir: '/srv/mirror',
  dataDir: '/srv/data',
  originUrl: 'https://origin.example/debian/',
  token: null,
  listen: { host: '127.0.0.1', port: 1 },
  publicUrl: null,
  name: null,
  tls: null,
  include: [],
  exclude: [],
  uploadLimitBytesPerSecond: null,
  downloadLimitBytesPerSecond: null,
  quotaBytes: null,
  minFreeBytes: 0,
  maxClients: null,
  hours: null,
  networks: [],
  peerPort: 0,
  compression: 'zstd',
  bootstrap: null,
  graceMs: 0,
  logLevel: 'silent',
}

t.test('URLs lose their trailing slash, hours and networks are parsed', async t => {
  const checked = checkOptions({ ...options, hours: '20:00-07:00 UTC', networks: ['10.0.0.0/8'] })
  t.equal(checked.originUrl, 'https://origin.example/debian')
  t.equal(checked.hours?.text, '20:00-07:00 UTC')
  t.equal(checked.networks.length, 1)
})

t.test('what is wrong is named', async t => {
  const front = { ...frontDefaults, trustedProxies: ['127.0.0.1'] }
  const accelRedirect = { prefix: '/handed/', folder: '/srv/mirror.handed' }
  t.same(checkOptions({ ...options, front, accelRedirect }).accelRedirect, accelRedirect)
  const cases: [Partial<VolunteerOptions>, RegExp][] = [
    [{ originUrl: 'origin.example' }, /--origin/],
    [{ publicUrl: 'ftp://x' }, /--public-url/],
    [{ publicUrl: 'http://x/?q' }, /--public-url/],
    [{ name: 'Not A Name' }, /Not A Name/],
    [{ quotaBytes: -1 }, /--quota/],
    [{ uploadLimitBytesPerSecond: 0 }, /--upload-limit/],
    [{ maxClients: Number.NaN }, /--max-clients/],
    [{ hours: 'at night' }, /at night/],
    [{ networks: ['everyone'] }, /everyone/],
    [{ accelRedirect }, /--trusted-proxy/],
    [{ accelRedirect, front, maxClients: 9 }, /--max-clients/],
    [{ accelRedirect, front, uploadLimitBytesPerSecond: 9 }, /--upload-limit/],
    [{ accelRedirect: { ...accelRedirect, prefix: 'handed/' }, front }, /like \/handed\//],
    [{ accelRedirect: { ...accelRedirect, prefix: '/-/handed/' }, front }, /like \/handed\//],
    [{ accelRedirect: { ...accelRedirect, folder: '/srv/mirror/x' }, front }, /--accel-folder/],
    [{ accelRedirect: { ...accelRedirect, prefix: '/handed' }, front }, /like \/handed\//],
    [{ accelRedirect: { ...accelRedirect, prefix: null } }, /--x-sendfile needs --trusted-proxy/],
    [{ accelRedirect: { prefix: null, folder: '/srv/a b' }, front }, /--accel-folder/],
  ]
  for (const [change, message] of cases) {
    t.throws(() => checkOptions({ ...options, ...change }), { code: 'MS_CONFIG_INVALID', message })
  }
})

t.test('any host name becomes a valid volunteer name', async t => {
  t.equal(nameFromHost('Edge_01.example.ORG'), 'edge-01-example-org')
  t.equal(nameFromHost('---'), 'volunteer')
  t.equal(nameFromHost('x'.repeat(80)).length, 63)
})

t.test('the data folder may lie in the mirror, but not the other way round', async t => {
  t.equal(placeOfData('/srv/mirror', '/srv/mirror/my data'), 'my%20data')
  t.equal(placeOfData('/srv/mirror', '/srv/mirror.data'), null)
  t.equal(placeOfData('/srv/mirror', '/srv/..mirror'), null)
  t.throws(() => placeOfData('/srv/data/mirror', '/srv/data'), { code: 'MS_CONFIG_INVALID' })
  t.throws(() => placeOfData('/srv/data', '/srv/data'), { code: 'MS_CONFIG_INVALID' })
})

t.test('the URL of a listener has brackets where needed', async t => {
  t.equal(urlOfListener({ host: '::1', port: 80 }, true), 'https://[::1]:80')
  t.equal(urlOfListener({ host: '10.0.0.1', port: 8 }, false), 'http://10.0.0.1:8')
  t.match(urlOfListener({ host: '0.0.0.0', port: 8 }, false), /^http:\/\/[^0:][^:]*:8$/)
})
