import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { silentLogger } from '../../core/log.ts'
import { buildApp } from '../app.ts'
import { assemble } from '../assembly.ts'
import { openDataFolder } from '../data-folder.ts'
import { rawRequest, TestNetwork } from '../fixtures/test-network.ts'
import { originDefaults } from '../main.ts'
import { openStore } from '../store.ts'
import type { GatedRoute } from './gate.ts'

/** The routes of an origin that never listens. */
const routesOf = async (folder: string): Promise<readonly GatedRoute[]> => {
  const repositoryDir = join(folder, 'repository')
  mkdirSync(repositoryDir)
  await using stack = new AsyncDisposableStack()
  const dataDir = join(folder, 'data')
  const data = await openDataFolder(dataDir, { repositoryDir, keepAtOrigin: [] })
  stack.defer(() => data.close())
  const options = { ...originDefaults, repositoryDir, dataDir }
  const store = openStore(data, options, silentLogger, stack)
  const assembly = assemble(data, store, options, silentLogger, new AbortController().signal)
  stack.defer(() => assembly.context.zsync.stop())
  stack.defer(() => assembly.prober.stop())
  return buildApp(assembly, { tls: null }).routes
}

/** Whoever adds a route that is for everybody, or asks by itself, names it here. */
const open = ['/-/health', '/-/ready', '/-/metrics', '/-/ui', '/-/ui/*', '/-/mirrorswarm.tgz']
/** Nobody gave this origin a package. */
const missing = ['/-/mirrorswarm.tgz']
const asksItself = [
  ...['/-/v1/announce', '/-/v1/enroll', '/-/v1/ranges', '/-/v1/prune'],
  ...['/-/events', '/-/v1/overview'],
  ...['/-/v1/publish', '/-/v1/tokens', '/-/v1/clients', '/-/v1/clients/:name'],
]
const methods = ['GET', 'HEAD', 'POST']

t.test('every route says for whom it is, and keeps to it', async t => {
  const routes = await routesOf(t.testdir({}))
  t.ok(routes.length > 20, `${routes.length} routes`)
  for (const { method, url, access } of routes) {
    t.ok(access !== null, `${method} ${url} says for whom it is`)
    if (open.includes(url)) t.equal(access, 'everybody', url)
    else t.not(access, 'everybody', `${url} is not open by accident`)
    const operators = url.startsWith('/-/v1/volunteers') && method === 'POST'
    if (asksItself.includes(url) || operators) t.equal(access, 'self', url)
    else t.not(access, 'self', `${url} is not named as asking by itself`)
  }

  const folder = join(t.testdirName, 'network')
  mkdirSync(folder)
  t.test('a stranger gets nothing', async t => {
    const network = await TestNetwork.start(
      t,
      repository => writeFileSync(join(repository, 'file'), 'x'.repeat(5000)),
      { requireClients: true },
    )
    await network.waitForSnapshot(1)
    for (const { method, url, access } of routes) {
      if (!methods.includes(method) || !url.startsWith('/-/')) continue
      const target = url.replace(':sha256', 'a'.repeat(64)).replace(/:\w+/, 'x').replace('*', '')
      const answer = await rawRequest(network.origin.url, target, { method })
      const what = `${method} ${target}: ${answer.status}`
      if (missing.includes(url)) t.equal(answer.status, 404, what)
      else if (access === 'everybody') t.ok([200, 308].includes(answer.status), what)
      else if (access === 'self') t.ok([400, 401, 403].includes(answer.status), what)
      else t.equal(answer.status, 401, what)
    }
  })
})
