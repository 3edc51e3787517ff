import t from 'tap'
import { baseUrl, isOwnTarget, prefixOf, splitTarget } from './public-url.ts'

t.test('targets are split without being decoded', async t => {
  t.strictSame(splitTarget('/a%2fb?x?y', ''), { raw: '/a%2fb', query: 'x?y' })
  t.strictSame(splitTarget('/a', ''), { raw: '/a', query: '' })
  t.strictSame(splitTarget('http://host:80/a?b', ''), { raw: '/a', query: 'b' })
  t.strictSame(splitTarget('http://host', ''), { raw: '/', query: '' })
  t.strictSame(splitTarget('//a', ''), { raw: '//a', query: '' })
})

t.test('the public prefix is removed where it is present', async t => {
  const prefix = prefixOf('https://example.org/mirror/')
  t.equal(prefix, '/mirror')
  t.equal(prefixOf('https://example.org'), '')
  t.equal(prefixOf(null), '')
  t.equal(splitTarget('/mirror/a', prefix).raw, '/a')
  t.equal(splitTarget('/mirror?x', prefix).raw, '/')
  t.equal(splitTarget('/mirrors/a', prefix).raw, '/mirrors/a')
  t.equal(splitTarget('/a', prefix).raw, '/a')
})

t.test('the own address space is recognised as it stands on the wire', async t => {
  t.ok(isOwnTarget('/-/health'))
  t.ok(isOwnTarget('/-'))
  t.notOk(isOwnTarget('/-x'))
  t.notOk(isOwnTarget('/%2D/health'))
})

t.test('links use the public URL, else a Host that is one', async t => {
  const request = { https: false, host: 'here:8080', local: '127.0.0.1:1' }
  t.equal(baseUrl('https://example.org/m/', request), 'https://example.org/m')
  t.equal(baseUrl(null, request), 'http://here:8080')
  t.equal(baseUrl(null, { ...request, host: '[::1]:80' }), 'http://[::1]:80')
  t.equal(baseUrl(null, { ...request, host: 'evil"/><x' }), 'http://127.0.0.1:1')
  t.equal(baseUrl(null, { ...request, host: undefined, https: true }), 'https://127.0.0.1:1')
})

t.test('a Host without a port gets the port only where nothing else can be meant', async t => {
  const request = { https: false, host: '127.0.0.1', local: '127.0.0.1:8080' }
  t.equal(baseUrl(null, request), 'http://127.0.0.1:8080')
  t.equal(baseUrl(null, { ...request, host: '[::1]', local: '[::1]:8080' }), 'http://[::1]:8080')
  t.equal(baseUrl(null, { ...request, host: 'repo.example.org' }), 'http://repo.example.org')
  t.equal(baseUrl(null, { ...request, host: '127.0.0.2' }), 'http://127.0.0.2')
  t.equal(baseUrl(null, { ...request, local: '127.0.0.1:80' }), 'http://127.0.0.1')
  t.equal(
    baseUrl(null, { https: true, host: '127.0.0.1', local: '127.0.0.1:443' }),
    'https://127.0.0.1',
  )
})
