import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import t from 'tap'
import { TestNetwork } from './fixtures/test-network.ts'

const hasOpenssl = (): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const filesIn = (folder: string) => ({
  certFile: join(folder, 'cert.pem'),
  keyFile: join(folder, 'key.pem'),
})

const makeCertificate = ({ certFile, keyFile }: ReturnType<typeof filesIn>): void => {
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes']
  const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const files = ['-keyout', keyFile, '-out', certFile]
  execFileSync('openssl', ['req', '-x509', ...algorithm, ...subject, ...files], { stdio: 'ignore' })
}

const statusOf = (url: string, path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, url),
      { rejectUnauthorized: false, agent: false },
      answer => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode ?? 0))
      },
    )
    sent.on('error', reject)
    sent.end()
  })

t.test(
  'an origin with a certificate speaks https',
  {
    skip: hasOpenssl() ? false : 'openssl missing: apt-get install openssl',
  },
  async t => {
    const tls = filesIn(t.testdirName)
    const network = await TestNetwork.start(
      t,
      repository => {
        writeFileSync(join(repository, 'a.iso'), 'a'.repeat(10_000))
        makeCertificate(tls)
      },
      { tls },
    )
    const { url } = network.origin
    t.match(url, /^https:/)
    t.equal(await statusOf(url, '/-/health'), 200)
    t.equal(await statusOf(url, '/a.iso'), 200)
  },
)

t.test('a certificate that cannot be read is named', async t => {
  const tls = filesIn('/nowhere')
  await t.rejects(
    TestNetwork.start(t, () => undefined, { tls }),
    { code: 'MS_CONFIG_INVALID', message: /\/nowhere\/cert\.pem/ },
  )
})
