import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import { readName } from './package-name.ts'
import { type NamedCandidate, rankRelatives, relationOf } from './relatives.ts'
import { compareVersions } from './version-order.ts'

const hash = '0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9'
const otherHash = hash.replaceAll('0', '1')

const named = (path: string, sizeBytes = 1000): NamedCandidate => ({
  path,
  facts: readName(path),
  sizeBytes,
})

t.test('names of packages are read', t => {
  const table: readonly (readonly [string, string, string, string, string, string])[] = [
    [
      'p/libssl3_3.0.2-1%2Bdeb12u1_amd64.deb',
      'deb',
      'libssl3',
      '3 3.0.2-1+deb12u1',
      'amd64',
      'deb',
    ],
    ['a_1.0_all.udeb', 'deb', 'a', '1.0', 'all', 'udeb'],
    ['openssl_3.0.2.orig.tar.gz', 'deb-source', 'openssl', '3.0.2', '', 'orig.tar.gz'],
    ['openssl_3.0.2-1.dsc', 'deb-source', 'openssl', '3.0.2-1', '', 'dsc'],
    ['bash-5.2.15-3.fc38.x86_64.rpm', 'rpm', 'bash', '5.2.15-3.fc38', 'x86_64', 'rpm'],
    [
      'linux-6.5.3.arch1-1-x86_64.pkg.tar.zst',
      'pacman',
      'linux',
      '6.5.3.arch1-1',
      'x86_64',
      'pkg.tar.zst',
    ],
    ['react-dom/-/react-dom-18.2.0.tgz', 'archive', 'react-dom', '18.2.0', '', 'tgz'],
    ['linux-6.1.tar.xz', 'archive', 'linux', '6.1', '', 'tar.xz'],
    ['debian-12.4.0-amd64-netinst.iso', 'image', 'debian-12.4.0-netinst', '12.4.0', 'amd64', 'iso'],
    ['d/binary-amd64/Packages.xz', 'index', 'Packages.xz', '', 'amd64', 'xz'],
    [`x86_64/repodata/${hash}-primary.xml.gz`, 'index', 'primary.xml.gz', '', 'x86_64', 'xml.gz'],
    [`d/by-hash/SHA256/${hash}`, 'by-hash', '', '', '', ''],
    ['README', 'file', 'README', '', '', ''],
  ]
  for (const [path, kind, name, version, architecture, form] of table) {
    const facts = readName(path)
    t.same(
      [facts.kind, facts.name, facts.version, facts.architecture, facts.form],
      [kind, name, version, architecture, form],
      path,
    )
  }
  t.end()
})

t.test('relatives share a key and strangers do not', t => {
  const families = [
    [
      'linux-image-6.1.0-55-amd64_6.1.190-1_amd64.deb',
      'linux-image-6.1.0-56-rt-amd64_6.1.192-1_amd64.deb',
    ],
    [
      'linux-image-6.1.0-55-arm64_6.1.190-1_arm64.deb',
      'linux-image-6.1.0-55-cloud-amd64_6.1.190-1_amd64.deb',
    ],
    ['pool/o/libssl3_3.0.2_amd64.deb', 'pool/updates/libssl3_3.0.3_i386.deb'],
    ['debian-12.4.0-amd64-netinst.iso', 'debian-12.5.0-arm64-DVD-1.iso'],
    ['a/Packages', 'b/Packages'],
    [`x86_64/repodata/${hash}-primary.xml.gz`, `x86_64/repodata/${otherHash}-primary.xml.gz`],
    ['three-0.160.0.tgz', 'three-0.160.1.tgz'],
    ['core/os/x86_64/core.db', 'old/x86_64/core.db'],
    [`d/by-hash/SHA256/${hash}`, `d/by-hash/SHA256/${otherHash}`],
  ] as const
  for (const [one, other] of families) t.equal(readName(one).key, readName(other).key, one)
  const keys = families.slice(1).map(([one]) => readName(one).key)
  t.equal(new Set(keys).size, keys.length)
  t.not(readName('a_1_amd64.deb').key, readName('b_1_amd64.deb').key)
  t.not(readName('a-1.0.tar.gz').key, readName('a-1.0.tar.xz').key)
  t.not(readName('binary-amd64/Packages').key, readName('binary-i386/Packages').key)
  t.end()
})

t.test('what is compressed as a whole is told by its name', t => {
  for (const path of [
    'a_1_all.deb',
    'x.rpm',
    'x.tar.xz',
    'Packages.gz',
    'x.tgz',
    'l.pkg.tar.zst',
    'v.whl',
  ]) {
    t.equal(readName(path).compressed, true, path)
  }
  for (const path of ['x.tar', 'Packages', 'x.iso', 'README', 'a_1.dsc', 'primary.xml']) {
    t.equal(readName(path).compressed, false, path)
  }
  t.end()
})

t.test('the nearest release comes first, then variants, then other architectures', t => {
  const target = named('linux/linux-6.1.0-56-amd64_6.1.192-1_amd64.tar', 4000)
  const names = [
    'linux-6.1.0-55-amd64_6.1.190-1_amd64.tar',
    'linux-6.1.0-50-amd64_6.1.180-1_amd64.tar',
    'linux-5.10.0-1-amd64_5.10.2-1_amd64.tar',
  ]
  const shuffled = [names[1], names[2], names[0]].map(name => named(`linux/${name}`))
  t.same(
    rankRelatives(target, shuffled).map(({ candidate }) => candidate.path),
    names.map(name => `linux/${name}`),
  )
  const deb = named('p/linux-image-6.1.0-56-amd64_6.1.192_amd64.deb')
  const others = [
    'p/linux-image-6.1.0-56-rt-amd64_6.1.192_amd64.deb',
    'p/linux-image-6.1.0-56-arm64_6.1.192_arm64.deb',
    'p/linux-image-6.1.0-55-amd64_6.1.190_amd64.deb',
    'p/linux-image-6.1.0-56-amd64_6.1.191_amd64.deb',
    'p/other_1_amd64.deb',
  ].map(path => named(path))
  t.same(
    rankRelatives(deb, others).map(({ relation, candidate }) => [relation, candidate.path]),
    [
      ['release', others[3]?.path],
      ['series', others[2]?.path],
    ],
    'compressed packages have near relatives only',
  )
  const image = named('debian-12.5.0-amd64-netinst.iso')
  t.same(
    rankRelatives(
      image,
      [
        'debian-12.5.0-arm64-netinst.iso',
        'debian-12.5.0-amd64-DVD-1.iso',
        'debian-12.4.0-amd64-netinst.iso',
      ].map(path => named(path)),
    ).map(({ relation }) => relation),
    ['series', 'variant', 'architecture'],
  )
  t.end()
})

t.test('an index of another suite is a relative only while it is not compressed', t => {
  const path = 'dists/bookworm/main/binary-amd64/Packages'
  const near = named('dists/bookworm-updates/main/binary-amd64/Packages')
  const far = named('other/contrib/binary-amd64/Packages')
  t.same(
    rankRelatives(named(path), [far, near]).map(({ candidate, sameName }) => [candidate, sameName]),
    [
      [near, true],
      [far, true],
    ],
  )
  t.same(rankRelatives(named(`${path}.xz`), [named(`${near.path}.xz`)]), [])
  t.equal(
    relationOf(named(`r/${hash}-primary.xml.gz`), named(`r/${otherHash}-primary.xml.gz`)),
    'release',
  )
  t.end()
})

t.test('any path has a name, and it is its own relative', t => {
  const text = fc.stringMatching(/^[A-Za-z0-9._~%+-]{1,40}(\/[A-Za-z0-9._~-]{1,40}){0,3}$/)
  fc.assert(
    fc.property(fc.oneof(text, fc.string()), path => {
      const facts = readName(path)
      return relationOf(named(path), named(path)) !== null && facts.key.startsWith(facts.kind)
    }),
  )
  const long = `${'1-'.repeat(8000)}linux-6.1.tar.xz`
  t.match(readName(long), { form: 'tar.xz', kind: 'archive' }, 'of an endless name the end is read')
  t.end()
})

const version = fc.stringMatching(/^[0-9]{0,2}:?[0-9a-c.+~-]{0,8}$/)

t.test('versions have one total order', t => {
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      const [ab, ba] = [compareVersions(a, b), compareVersions(b, a)]
      if (Math.sign(ab) !== -Math.sign(ba) || (ab === 0) !== (a === b)) return false
      return !(ab <= 0 && compareVersions(b, c) <= 0) || compareVersions(a, c) <= 0
    }),
    { numRuns: 2000 },
  )
  const sorted = ['1.0~rc1', '1.0', '1.0-1', '1.0-1+b1', '1.0-10', '1.0a', '1.2', '1.10', '1:0.1']
  t.same(sorted.toReversed().toSorted(compareVersions), sorted)
  t.end()
})

const hasDpkg = spawnSync('dpkg', ['--version']).status === 0

t.test(
  'the order is that of dpkg',
  { skip: hasDpkg ? false : 'dpkg missing: apt-get install dpkg' },
  t => {
    const valid = fc.stringMatching(/^[0-9][0-9a-c.+~]{0,6}(-[0-9a-c.+~]{1,4})?$/)
    fc.assert(
      fc.property(valid, valid, (a, b) => {
        const isOlder = spawnSync('dpkg', ['--compare-versions', a, 'lt', b]).status === 0
        const isEqual = spawnSync('dpkg', ['--compare-versions', a, 'eq', b]).status === 0
        return isEqual || compareVersions(a, b) < 0 === isOlder
      }),
      { numRuns: 100 },
    )
    t.end()
  },
)
